import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import { changes, endMissing, judge, keysUnknownNote, momentOf, refusals, versionColumns, type VersionTables } from '../versions';
import { recordDisplaced } from './displaced';
import { setAside } from './set-aside';
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
  const quarantine = await setAside(write, {
    from: "(SELECT * FROM _millrace_judged WHERE _millrace_verdict IN ('late', 'timeless'))", rows: refused,
    reasons: Object.entries(refusals).map(([verdict, reason]) => ({ when: `_millrace_verdict = ${quoteLiteral(verdict)}`, column: write.request.plan.order ?? versionColumns[0], reason })),
  });
  const { remove, end, insert, removed, unwritten } = changes(tables);
  await recordDisplaced({ ...write, table: write.hidden, rows: unwritten });
  await recordDisplaced({ ...write, table: tables.target, rows: removed });
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

/** A full read shows which keys are gone; keys in this run's quarantine were read and are not. */
async function endMissingKeys({ session, request: { keysAside, target: { stream } } }: Write, tables: VersionTables): Promise<{ readonly ended: number; readonly notes: readonly string[] }> {
  if (stream.mode !== 'full') return { ended: 0, notes: [] };
  if (keysAside === 'unknown') return { ended: 0, notes: [keysUnknownNote] };
  if (keysAside !== null) await session.run(`CREATE TEMP TABLE _millrace_aside AS SELECT * FROM read_parquet(${quoteLiteral(keysAside.path)})`);
  return { ended: await session.changed(endMissing(tables, keysAside === null ? null : '_millrace_aside')), notes: [] };
}
