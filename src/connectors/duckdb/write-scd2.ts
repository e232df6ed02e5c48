import type { QuarantineFile } from '../../domain/batch';
import { positionColumn } from '../../domain/column';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import { changes, endMissing, judge, keysUnknownNote, momentOf, refusals, versionColumns, type VersionTables } from '../versions';
import type { Write, Written } from './write';

/** A version per change of a key, with its beginning and end (semantics 8). The rules are in `versions.ts`. */
export async function scd2(write: Write): Promise<Written> {
  const { session } = write;
  const tables = tablesOf(write);
  const { staged, newest, judged } = judge(tables);
  await session.run(`CREATE TEMP TABLE _millrace_staged AS ${staged}`);
  await session.run(`CREATE TEMP TABLE _millrace_newest AS ${newest}`);
  await session.run(`CREATE TEMP TABLE _millrace_judged AS ${judged}`);
  const counts = await session.row("SELECT count(*) FILTER (_millrace_verdict IN ('again', 'same')) AS known, count(*) FILTER (_millrace_verdict IN ('late', 'timeless')) AS refused FROM _millrace_judged");
  const refused = Number(counts['refused']);
  const quarantine = await setAside(write, refused);
  const { remove, end, insert } = changes(tables);
  const deleted = await session.changed(remove);
  const ended = await session.changed(end);
  const rows = await session.changed(insert);
  const missing = await endMissingKeys(write, tables);
  return { rows, deduplicated: Number(counts['known']), deleted, rejected: refused, quarantine, ended: ended + missing.ended, notes: missing.notes };
}

function tablesOf({ names, request, hidden, columns }: Write): VersionTables {
  const { plan, target: { stream } } = request;
  const now = nowOf(request);
  return {
    target: names.target, hidden, columns, now,
    key: stream.key.map(quoteIdentifier),
    from: plan.order === undefined ? now : `h.${quoteIdentifier(plan.order)}`,
    same: (left, right) => `(${plan.target.map(({ name }) => `${left}.${quoteIdentifier(name)} IS NOT DISTINCT FROM ${right}.${quoteIdentifier(name)}`).join(' AND ')})`,
  };
}

/** The logical date as a beginning of this stream's versions. */
function nowOf({ plan, target: { stream, run } }: PublishRequest): string {
  const instant = `CAST(${quoteLiteral(run.logicalDate)} AS TIMESTAMPTZ)`;
  const order = plan.target.find(({ name }) => name === plan.order);
  return order === undefined ? instant : momentOf(order.type, instant, quoteLiteral(stream.cursorTimezone ?? 'UTC')) ?? `CAST(NULL AS ${order.type})`;
}

/** Rows that only the target shows to be wrong, into a quarantine file. */
async function setAside({ session, request, names }: Write, rows: number): Promise<readonly QuarantineFile[]> {
  if (rows === 0) return [];
  const { plan, quarantine } = request;
  const reasons = Object.entries(refusals).map(([verdict, reason]) => `WHEN ${quoteLiteral(verdict)} THEN ${quoteLiteral(JSON.stringify([{ column: plan.order ?? versionColumns[0], reason }]))}`);
  const raw = plan.target.map(({ name }) => `${quoteLiteral(name)}, CAST(${quoteIdentifier(name)} AS VARCHAR)`);
  const place = await quarantine.create();
  await session.run(
    `COPY (SELECT ${positionColumn} AS position, 'publish' AS step, CASE _millrace_verdict ${reasons.join(' ')} END AS reasons, CAST(json_object(${raw.join(', ')}) AS VARCHAR) AS raw, ` +
    `${quoteLiteral(names.label)} AS origin, CAST(NULL AS BIGINT) AS line FROM _millrace_judged WHERE _millrace_verdict IN ('late', 'timeless') ORDER BY 1) TO ${quoteLiteral(place.path)} (FORMAT parquet, COMPRESSION zstd)`);
  return [await quarantine.seal(place.key, rows)];
}

/** A full read shows which keys are gone; keys in this run's quarantine were read and are not. */
async function endMissingKeys({ session, request: { keysAside, target: { stream } } }: Write, tables: VersionTables): Promise<{ readonly ended: number; readonly notes: readonly string[] }> {
  if (stream.mode !== 'full') return { ended: 0, notes: [] };
  if (keysAside === 'unknown') return { ended: 0, notes: [keysUnknownNote] };
  if (keysAside !== null) await session.run(`CREATE TEMP TABLE _millrace_aside AS SELECT * FROM read_parquet(${quoteLiteral(keysAside.path)})`);
  return { ended: await session.changed(endMissing(tables, keysAside === null ? null : '_millrace_aside')), notes: [] };
}
