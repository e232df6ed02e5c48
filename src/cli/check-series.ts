import pc from 'picocolors';
import { checkNamed } from '../checks/registry';
import type { CheckResultLine, RunSummary, StreamSummary } from '../domain/receipt';
import { plainTable } from './plain-table';
import { grouped } from './words';

/** What one check said of one stream in one run. */
export interface CheckPoint {
  readonly pipeline: string;
  readonly stream: string;
  readonly check: string;
  readonly over: 'staged' | 'destination';
  readonly rule: string | null;
  readonly onFail: string;
  readonly run: string;
  /** ISO instant at which the run ended. */
  readonly at: string;
  readonly verdict: 'holds' | 'blocked' | 'warned' | 'set aside' | 'approved' | 'not approved';
  /** Null: the check judges a measure, not rows. */
  readonly failingRows: number | null;
  readonly observed: string | null;
  readonly expected: string | null;
  readonly message: string;
}

/** The checks of runs as series, each newest first: by stream and check, in the order in which the newest run has them. Replays judge some rows of a run and stand apart. */
export function checkSeries(receipts: readonly RunSummary[]): readonly (readonly CheckPoint[])[] {
  const series = new Map<string, CheckPoint[]>();
  for (const receipt of receipts.filter(({ run }) => !run.replay)) {
    for (const stream of receipt.streams) {
      for (const line of stream.checks) {
        const key = [receipt.run.pipeline, stream.stream, line.id ?? line.check, line.at ?? ''].join('\n');
        series.set(key, [...series.get(key) ?? [], pointOf(receipt, stream, line)]);
      }
    }
  }
  return [...series.values()];
}

function pointOf({ run, finishedAt }: RunSummary, stream: StreamSummary, line: CheckResultLine): CheckPoint {
  return {
    pipeline: run.pipeline, stream: stream.stream, check: line.check, over: line.at ?? 'staged', rule: line.rule ?? null, onFail: line.onFail,
    run: run.generation > 1 ? `${run.workflowId}~${run.generation}` : run.workflowId, at: finishedAt, verdict: verdictOf(line, stream),
    failingRows: checkNamed(line.check).setsAside ? line.failingRows : null, observed: line.measured ?? null, expected: line.expected ?? null, message: line.message,
  };
}

function verdictOf({ passed, onFail }: CheckResultLine, { state }: StreamSummary): CheckPoint['verdict'] {
  if (passed) return 'holds';
  if (onFail === 'approve') return state.startsWith('succeeded') ? 'approved' : 'not approved';
  return onFail === 'warn' ? 'warned' : onFail === 'quarantine' ? 'set aside' : 'blocked';
}

/** A threshold that is the same throughout stands in the heading, and a column that says nothing is left out: run and time stay whole on a narrow screen. */
export function seriesText(points: readonly CheckPoint[]): string {
  const { pipeline, stream, check, over, rule, onFail } = points[0]!;
  const [threshold, another] = [...new Set(points.flatMap(({ expected }) => expected ?? []))];
  const facts = [rule, another === undefined ? threshold : null].filter((one) => one != null).join(', ');
  const head = `${pc.bold(stream)}  check ${pc.bold(check)}${over === 'destination' ? ' of the destination' : ''}, on failing ${onFail}${facts === '' ? '' : pc.dim(`  ${facts}`)}`;
  const columns: readonly (readonly [string, (point: CheckPoint) => string])[] = [
    ['run', ({ run }) => run.slice(pipeline.length + 1)], ['ended', ({ at }) => at.slice(0, 16).replace('T', ' ')],
    ['verdict', ({ verdict }) => (verdict === 'holds' ? verdict : pc.yellow(verdict))],
    ['failing', ({ failingRows }) => (failingRows === null ? '' : grouped(failingRows))], ['observed', ({ observed }) => observed ?? ''],
    ['expected', ({ expected }) => (another === undefined ? '' : expected ?? '')],
  ];
  const told = columns.filter(([, cell]) => points.some((point) => cell(point) !== ''));
  const right = told.flatMap(([word], index) => (word === 'failing' || word === 'observed' ? [index] : []));
  return `${head}\n${plainTable({ head: told.map(([word]) => word), rows: points.map((point) => told.map(([, cell]) => cell(point))), right, indent: '  ' })}\n`;
}
