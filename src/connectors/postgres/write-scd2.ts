import { changes, endMissing, judge, keysUnknownNote, momentOf, refusals, versionColumns, type VersionTables } from '../versions';
import type { PublishRequest } from '../connector';
import { copyIn } from './copy-in';
import { recordDisplaced } from './displaced';
import { quoteIdentifier, quoteLiteral } from './quote';
import { setAside } from './set-aside';
import type { Write, Written } from './write';

/** A version per change of a key, with its beginning and end (semantics 8). The rules are in `versions.ts`. */
export async function scd2(write: Write): Promise<Written> {
  const { connection, request } = write;
  const tables = tablesOf(write);
  const { staged, newest, judged } = judge(tables);
  await connection.run(`CREATE TEMP TABLE _millrace_staged ON COMMIT DROP AS ${staged}`);
  await connection.run('ANALYZE _millrace_staged');
  await connection.run(`CREATE TEMP TABLE _millrace_newest ON COMMIT DROP AS ${newest}`);
  await connection.run('ANALYZE _millrace_newest');
  await connection.run(`CREATE TEMP TABLE _millrace_judged ON COMMIT DROP AS ${judged}`);
  await connection.run('ANALYZE _millrace_judged');
  const counts = await countVerdicts(write);
  const quarantine = await setAside(write, { from: "(SELECT * FROM _millrace_judged WHERE _millrace_verdict IN ('late', 'timeless')) late", reasons: reasonsOf(request), rows: counts.refused });
  const { remove, end, insert, removed, unwritten } = changes(tables);
  await recordDisplaced({ ...write, table: write.hidden, rows: unwritten });
  await recordDisplaced({ ...write, table: tables.target, rows: removed });
  const deleted = await connection.run(remove);
  const ended = await connection.run(end);
  const rows = await connection.run(insert);
  const missing = await endMissingKeys(write, tables);
  return { rows, deduplicated: counts.known, deleted, rejected: counts.refused, quarantine, ended: ended + missing.ended, notes: missing.notes };
}

function tablesOf({ names, request, hidden, columns }: Write): VersionTables {
  const { plan, target: { stream, run } } = request;
  const data = plan.target.map(({ name }) => quoteIdentifier(name));
  const texts = (alias: string) => `(${data.map((name) => `${alias}.${name}::text`).join(', ')})`;
  const now = nowOf(request);
  return {
    target: names.target, hidden, columns, now,
    key: stream.key.map(quoteIdentifier),
    from: plan.order === undefined ? `${quoteLiteral(run.logicalDate)}::timestamptz` : `h.${quoteIdentifier(plan.order)}`,
    same: (left, right) => `${texts(left)} IS NOT DISTINCT FROM ${texts(right)}`,
  };
}

/** The logical date as a beginning of this stream's versions. */
function nowOf({ plan, target: { stream, run } }: PublishRequest): string {
  const instant = `${quoteLiteral(run.logicalDate)}::timestamptz`;
  const order = plan.target.find(({ name }) => name === plan.order);
  return order === undefined ? instant : momentOf(order.type, instant, quoteLiteral(stream.cursorTimezone ?? 'UTC')) ?? 'NULL';
}

async function countVerdicts({ connection }: Write): Promise<{ readonly known: number; readonly refused: number }> {
  const row = await connection.row("SELECT count(*) FILTER (WHERE _millrace_verdict IN ('again', 'same'))::text AS known, count(*) FILTER (WHERE _millrace_verdict IN ('late', 'timeless'))::text AS refused FROM _millrace_judged");
  return { known: Number(row['known']), refused: Number(row['refused']) };
}

const reasonsOf = ({ plan }: PublishRequest): string =>
  `CASE _millrace_verdict ${Object.entries(refusals).map(([verdict, reason]) => `WHEN ${quoteLiteral(verdict)} THEN ${quoteLiteral(JSON.stringify([{ column: plan.order ?? versionColumns[0], reason }]))}`).join(' ')} END`;

/** A full read shows which keys are gone; keys in this run's quarantine were read and are not. */
async function endMissingKeys(write: Write, tables: VersionTables): Promise<{ readonly ended: number; readonly notes: readonly string[] }> {
  const { connection, request: { keysAside, target: { stream } } } = write;
  if (stream.mode !== 'full') return { ended: 0, notes: [] };
  if (keysAside === 'unknown') return { ended: 0, notes: [keysUnknownNote] };
  if (keysAside !== null) await readKeysAside(write, tables, keysAside.path);
  return { ended: await connection.run(endMissing(tables, keysAside === null ? null : '_millrace_aside')), notes: [] };
}

async function readKeysAside(write: Write, { key, target }: VersionTables, path: string): Promise<void> {
  const { connection, request: { plan, target: { stream } }, names } = write;
  await connection.run(`CREATE TEMP TABLE _millrace_aside ON COMMIT DROP AS SELECT ${key.join(', ')} FROM ${target} LIMIT 0`);
  const columns = plan.target.filter(({ name }) => stream.key.includes(name));
  await copyIn(write, { into: '_millrace_aside', columns, constants: [], paths: [path], what: `reading the quarantined keys of "${names.label}"` });
}
