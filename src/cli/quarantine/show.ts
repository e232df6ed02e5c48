import pc from 'picocolors';
import { openFamily, stateOfEntry } from '../../activities/replay/marks';
import { runPath } from '../../domain/ids';
import type { Environment } from '../../config/environment';
import { positionsPerPartition } from '../../domain/column';
import type { QuarantineEntry } from '../../stores/quarantine';
import { selected } from '../../stores/quarantine-entries';
import type { TextRow } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { exitCodes, type ExitCode } from '../exit-codes';
import { screenWidth, wrapped } from '../plain-table';
import type { Terminal } from '../terminal';
import { fitted, grouped, plural } from '../words';
import { showFailing } from './failing';
import { eachStream, entryName, filterOf, openNamed, runName, type FilterFlags } from './common';

interface ShownEntry extends QuarantineEntry {
  /** `0007:12`: names it within its run and stream. */
  readonly entry: string;
  readonly state: string;
  /** Whether a person has changed its record. */
  readonly edited: boolean;
  /** Of a row that was rejected again: the entry that was replayed, `<run> 0007:12`. */
  readonly replayOf: string | null;
}

/** `quarantine show RUN [STREAM]`: the rows themselves, with all their reasons, where they came from and what became of them. */
export async function quarantineShow(word: string, only: string | undefined, flags: FilterFlags & { readonly limit: number }, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const { staging, stored, family, streams } = await openNamed(word, only, 'showing the quarantine of', environment);
  let shown = 0;
  let total = 0;
  let fitting = 0;
  await eachStream(environment, streams, async (session, stream) => {
    await openFamily(session, staging, family, stream);
    const mine = `e.run = ${quoteLiteral(runPath(stored.run))}`;
    const { n, fits } = await session.row(`SELECT count(*) AS n, count(*) FILTER (${selected(filterOf(flags))}) AS fits FROM entries e WHERE ${mine}`);
    total += Number(n);
    fitting += Number(fits);
    const rows = await session.rows(
      `SELECT e.position, e.step, e.reasons, e.raw, e.origin, e.line, ${entryName} AS entry, ${stateOfEntry} AS state, e.edited, CASE WHEN e.place <> 'publish' THEN l.run || ' ' || l.place || ':' || l.row END AS replay_of ` +
      `FROM entries e LEFT JOIN links l ON l.replay = e.run AND l.position = e.position WHERE ${mine} AND ${selected(filterOf(flags))} ORDER BY e.position, e.place LIMIT ${Math.max(0, flags.limit - shown)}`);
    shown += rows.length;
    if (rows.length > 0) terminal.say(`${pc.bold(stream)}  ${pc.dim(fits === n ? plural(Number(n), 'row') : `${grouped(Number(fits))} of ${plural(Number(n), 'row')}`)}`);
    for (const entry of rows.map(entryOf)) {
      terminal.event('rejected', { run: runName(stored.run), stream, ...entry });
      terminal.say(entryText(entry));
    }
  });
  shown += await showFailing(environment, terminal, { staging, run: stored.run, streams, limit: flags.limit - shown, step: flags.step });
  terminal.say(shown === 0 ? `run ${runName(stored.run)} has no ${total === 0 ? '' : 'such '}row in quarantine` : fitting > 0 && shown < fitting ? `\n${grouped(shown)} of ${plural(fitting, 'row')}${fitting < total ? ' that fit' : ''}; more with --limit, fewer with --reason, --step or --column` : '');
  return exitCodes.success;
}

const entryOf = (row: TextRow): ShownEntry => ({
  position: row['position']!, step: row['step']!, reasons: JSON.parse(row['reasons'] ?? '[]') as QuarantineEntry['reasons'], raw: row['raw'] ?? '', origin: row['origin'] ?? null, line: row['line'] ?? null,
  entry: row['entry']!, state: row['state']!, edited: row['edited'] === 'true', replayOf: row['replay_of'] ?? null,
});

function entryText({ position, step, reasons, raw, origin, line, entry, state, edited, replayOf }: ShownEntry): string {
  const at = BigInt(position);
  const partition = at / BigInt(positionsPerPartition);
  const place = line !== null ? `line ${grouped(Number(line))}` : `row ${grouped(Number(at % BigInt(positionsPerPartition)) + 1)}${partition > 0n ? ` of partition ${partition}` : ''}`;
  const said = reasons.map(({ column, reason }) => (column ? `${column} ${reason}` : reason)).join('; ');
  const marks = [...(state === 'open' ? [] : [state]), ...(edited ? ['edited'] : [])].map((mark) => `  (${mark})`).join('');
  return [
    ...wrapped(`${place}${origin === null ? '' : `, ${origin}`}  [${step}]  ${said}`, screenWidth() - 4).map((part, index) => `  ${index === 0 ? pc.yellow(part) : `  ${pc.yellow(part)}`}`),
    `    ${pc.dim(`${entry}${marks}${replayOf === null ? '' : `  was ${replayOf}`}`)}`,
    ...rawLines(raw).map((part) => `    ${pc.dim(part)}`),
  ].join('\n');
}

/** A record's text may be long; its head tells. */
function rawLines(raw: string): readonly string[] {
  const width = screenWidth() - 4;
  const text = raw.replace(/\s/g, ' ');
  const lines = Array.from({ length: Math.min(3, Math.ceil(text.length / width)) }, (_unused, index) => text.slice(index * width, (index + 1) * width));
  return text.length > 3 * width ? [...lines.slice(0, 2), fitted(text.slice(2 * width), width)] : lines;
}
