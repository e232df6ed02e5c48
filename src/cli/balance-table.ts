import Table from 'cli-table3';
import type { Totals } from '../domain/balance';
import type { RunSummary, StreamSummary } from '../domain/receipt';
import { noBorders } from './plain-table';
import { colouredState, fitted, grouped } from './words';

const terms: readonly (readonly [keyof Totals, string])[] = [
  ['read', 'read'], ['created', 'created'], ['loaded', 'loaded'], ['rejected', 'rejected'], ['filtered', 'filtered'], ['deduplicated', 'dedupl.'], ['aggregated', 'aggreg.'],
];
const always: readonly (keyof Totals)[] = ['read', 'loaded', 'rejected'];
const width = 80;
const narrowestName = 8;
const stateWidth = 'with rejects'.length;

/** The balance of a run, 80 columns wide: `read + created = loaded + rejected + filtered + deduplicated + aggregated`. Terms that are 0 throughout are left out. */
export function balanceTable(summary: Pick<RunSummary, 'streams' | 'totals' | 'state'>): string {
  const shown = terms.filter(([term]) => always.includes(term) || summary.streams.some(({ totals }) => totals[term] !== 0));
  const rows = summary.streams.map((stream) => [stream.stream, ...shown.map(([term]) => grouped(stream.totals[term])), colouredState(stream.state)]);
  if (summary.streams.length > 1) rows.push(['all', ...shown.map(([term]) => grouped(summary.totals[term])), colouredState(summary.state)]);
  const widths = shown.map(([, head], index) => Math.max(head.length, ...rows.map((row) => row[index + 1]!.length)));
  const nameWidth = width - stateWidth - widths.reduce((sum, one) => sum + one + 2, 0) - 2;
  if (nameWidth < narrowestName) return summary.streams.map((stream) => listOf(stream, shown)).join('\n');
  const table = new Table({
    head: ['stream', ...shown.map(([, head]) => head), 'state'],
    chars: noBorders,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: ['left', ...shown.map(() => 'right' as const), 'left'],
  });
  table.push(...rows.map(([name, ...rest]) => [fitted(name!, nameWidth), ...rest]));
  return table.toString().split('\n').map((line) => line.trimEnd()).join('\n');
}

/** Where figures are too long to stand side by side. */
const listOf = ({ stream, totals, state }: StreamSummary, shown: typeof terms): string =>
  [`${fitted(stream, width - stateWidth - 2)}  ${colouredState(state)}`, ...shown.map(([term]) => `  ${term.padEnd(12)} ${grouped(totals[term]).padStart(16)}`)].join('\n');

/** What a person should know beside the figures: reasons, notes, failed checks, and where rejected rows lie. */
export function remarks(summary: RunSummary): readonly string[] {
  const of = summary.run.replay ? [`rows that ${summary.run.workflowId.replace(/\/replay-\d+$/, '')} had rejected, once more`] : [];
  return [...of, ...summary.streams.flatMap((stream) => [
    ...(stream.error ? [`${stream.stream}: ${stream.error.message}`] : []),
    ...stream.checks.filter(({ passed, onFail }) => !passed && onFail !== 'quarantine').map(({ check, at, onFail, message }) => `${stream.stream}: check ${check}${at ? ` of the ${at}` : ''} (${onFail}): ${message}`),
    ...stream.notes.map((note) => `${stream.stream}: ${note}`),
    ...(stream.deleted > 0 ? [`${stream.stream}: ${grouped(stream.deleted)} earlier rows were replaced`] : []),
    ...(stream.totals.rejected > 0 ? [`${stream.stream}: see rejected rows with "millrace quarantine show ${summary.run.workflowId}${summary.run.generation > 1 ? `~${summary.run.generation}` : ''}"`] : []),
  ])];
}
