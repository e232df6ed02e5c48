import { positionColumn, type Column } from '../domain/column';
import type { StreamSpec } from '../domain/pipeline';

/** What one publish of `write: scd2` works on. Names and expressions arrive quoted by the dialect. */
export interface VersionTables {
  readonly target: string;
  /** Staged rows of the run, each with its position. */
  readonly hidden: string;
  readonly key: readonly string[];
  /** What is inserted: the stream's columns and, where the stream keeps it, the lineage column. */
  readonly columns: string;
  /** Over the alias `h`: when a staged row becomes valid. */
  readonly from: string;
  /** The run's logical date as a value of `from`'s type; a typed NULL where that type has no clock. */
  readonly now: string;
  /** Condition that the rows of two aliases hold the same data. */
  same(left: string, right: string): string;
}

/** Columns that scd2 adds to its target. */
export const versionColumns = ['valid_from', 'valid_to', 'is_current'] as const;

/** Why a staged row is set aside, by verdict. */
export const refusals: Readonly<Record<string, string>> = {
  late: 'is older than the version of its key that the target holds as the newest',
  timeless: 'is missing, so it cannot be told when this version began',
};

export const keysUnknownNote = 'some records in quarantine do not show their key, so no version was ended for being missing; the next full run without such records does it';

const accepted = "_millrace_verdict IN ('new', 'back')";

/**
 * The rules of scd2 (semantics 8), in SQL that Postgres and DuckDB read alike; the two differ in how they run and count it.
 * `_millrace_judged` holds every staged row once, with its verdict:
 * - `again`: another row of the run has the same key and the same beginning, and stands later in the source;
 * - `same`: the target holds this version already;
 * - `new`: a version that begins after, or instead of, the newest of its key;
 * - `back`: unchanged or older by its cursor, but its key was closed as missing: it is valid again from this run on;
 * - `late`, `timeless`: set aside.
 */
export function judge({ target, hidden, key, from, now, same }: VersionTables): { readonly staged: string; readonly newest: string; readonly judged: string } {
  const list = (alias: string) => key.map((name) => `${alias}.${name}`).join(', ');
  return {
    staged: `SELECT h.*, ${from} AS _millrace_begins, CASE WHEN ${from} IS NULL THEN 1 ELSE row_number() OVER (PARTITION BY ${list('h')}, ${from} ORDER BY h.${positionColumn} DESC) END AS _millrace_place, ` +
      `row_number() OVER (PARTITION BY ${list('h')} ORDER BY ${from} DESC NULLS LAST, h.${positionColumn} DESC) AS _millrace_age FROM ${hidden} h`,
    newest: `SELECT DISTINCT ON (${list('t')}) t.* FROM ${target} t WHERE EXISTS (SELECT 1 FROM _millrace_staged v WHERE ${match('v', 't', key)}) ORDER BY ${list('t')}, t.valid_from DESC`,
    judged: `SELECT j.*, CASE WHEN _millrace_verdict = 'back' THEN ${now} ELSE _millrace_begins END AS _millrace_since FROM (SELECT v.*, CASE WHEN v._millrace_place > 1 THEN 'again' WHEN v._millrace_begins IS NULL THEN 'timeless' WHEN n.valid_from IS NULL THEN 'new' ` +
      `WHEN n.is_current AND ${same('v', 'n')} THEN 'same' WHEN s.valid_from IS NOT NULL AND (n.is_current OR v._millrace_age > 1) AND ${same('v', 's')} THEN 'same' ` +
      "WHEN v._millrace_begins >= CASE WHEN n.is_current THEN n.valid_from ELSE n.valid_to END THEN 'new' " +
      `WHEN NOT n.is_current AND v._millrace_age = 1 AND ${now} >= n.valid_to THEN 'back' ELSE 'late' END AS _millrace_verdict ` +
      `FROM _millrace_staged v LEFT JOIN _millrace_newest n ON ${match('n', 'v', key)} LEFT JOIN ${target} s ON ${match('s', 'v', key)} AND s.valid_from = v._millrace_begins) j`,
  };
}

export interface VersionChanges {
  /** A version with the same beginning and other data: the later reading stands. Its count is `deleted`. */
  readonly remove: string;
  /** The version that was current ends where the first new one begins. */
  readonly end: string;
  readonly insert: string;
  /** Versions that `remove` takes away, and staged rows that become no version: for the ledger. */
  readonly removed: string;
  readonly unwritten: string;
}

export function changes({ target, key, columns }: VersionTables): VersionChanges {
  const keys = key.join(', ');
  const until = `lead(_millrace_since) OVER (PARTITION BY ${keys} ORDER BY _millrace_since)`;
  return {
    remove: `DELETE FROM ${target} AS t USING _millrace_judged j WHERE ${match('j', 't', key)} AND t.valid_from = j._millrace_since AND j.${accepted}`,
    end: `UPDATE ${target} AS t SET valid_to = j.first, is_current = false FROM (SELECT ${keys}, min(_millrace_since) AS first FROM _millrace_judged WHERE ${accepted} GROUP BY ${keys}) j WHERE ${match('j', 't', key)} AND t.is_current`,
    insert: `INSERT INTO ${target} (${columns}, ${versionColumns.join(', ')}) SELECT ${columns}, _millrace_since, ${until}, ${until} IS NULL FROM _millrace_judged WHERE ${accepted}`,
    removed: `SELECT t.* FROM ${target} t WHERE EXISTS (SELECT 1 FROM _millrace_judged j WHERE ${match('j', 't', key)} AND t.valid_from = j._millrace_since AND j.${accepted})`,
    unwritten: `SELECT * FROM _millrace_judged WHERE NOT (${accepted})`,
  };
}

/** After a full read: what was not read is no longer there. `aside`: relation with keys that are in this run's quarantine. */
export const endMissing = ({ target, hidden, key, now }: VersionTables, aside: string | null): string =>
  `UPDATE ${target} AS t SET valid_to = greatest(t.valid_from, ${now}), is_current = false WHERE t.is_current AND NOT EXISTS (SELECT 1 FROM ${hidden} h WHERE ${match('h', 't', key)})` +
  (aside === null ? '' : ` AND NOT EXISTS (SELECT 1 FROM ${aside} a WHERE ${match('a', 't', key)})`);

const match = (left: string, right: string, key: readonly string[]): string => key.map((name) => `${left}.${name} = ${right}.${name}`).join(' AND ');

/** Loaded columns that scd2 needs for itself, or a beginning that has no clock to end missing keys by: null where it fits. */
export function versionProblem({ stream, target, order }: { readonly stream: StreamSpec; readonly target: readonly Column[]; readonly order: string | undefined }): string | null {
  const taken = versionColumns.find((name) => target.some((column) => column.name.toLowerCase() === name));
  if (taken) return `write "scd2" adds a column "${taken}", and the stream has one of that name; rename it in a step`;
  const missing = stream.key.find((name) => !target.some((column) => column.name === name));
  if (missing) return `key column "${missing}" is not among the stream's columns: ${target.map(({ name }) => name).join(', ')}`;
  const type = beginningOf(target, order);
  if (stream.mode === 'full' && momentOf(type, '', '') === null) return `cursor "${order}" is ${type}, by which cannot be told when a key that is missing in a full read ended; leave "cursor" out, or use "mode: incremental"`;
  return null;
}

/** DuckDB type of valid_from and valid_to: the cursor's, else that of the logical date. */
export const beginningOf = (target: readonly Column[], order: string | undefined): string =>
  target.find(({ name }) => name === order)?.type ?? 'TIMESTAMP WITH TIME ZONE';

/** SQL for the logical date as a value of a DuckDB type that has a clock; null: it has none (integers, texts). */
export function momentOf(type: string, instant: string, zone: string): string | null {
  if (type === 'TIMESTAMP WITH TIME ZONE') return instant;
  const [clock] = /^(DATE|TIMESTAMP)/.exec(type) ?? [];
  return clock ? `CAST(${instant} AT TIME ZONE ${zone} AS ${clock})` : null;
}
