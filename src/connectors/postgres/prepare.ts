import { batchColumn, positionColumn, type Column } from '../../domain/column';
import { ConfigurationError, DestinationHeldError } from '../../domain/errors';
import { writtenHere } from '../../domain/naming';
import { stagesPosition, type StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { SchemaChanges, Target } from '../connector';
import { beginningOf, versionColumns, versionProblem } from '../versions';
import type { PostgresConnection } from './connection';
import { refuseGenerated } from './generated';
import { hangsOn } from './hangs';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import type { Names } from './system-tables';
import { postgresTypeOf } from './types';

interface PrepareOptions {
  readonly dryRun: boolean;
  readonly allowDestructive: boolean;
}

/** Makes the target and the hidden table ready for the plan's columns, or says what does not fit. Nothing is narrowed or dropped. */
export async function prepareTarget(connection: PostgresConnection, names: Names, { stream }: Target, plan: Pick<Plan, 'target' | 'fence' | 'firstLoad' | 'order' | 'widens'>, options: PrepareOptions): Promise<SchemaChanges> {
  const loaded = await typesOf(connection, plan.target);
  const columns = stream.write === 'scd2' ? [...loaded, ...await versionsOf(connection, names, stream, plan)] : loaded;
  const existing = await columnsOf(connection, names.target);
  const statements: string[] = [];
  const destructive: string[] = [];
  if (existing.size === 0) {
    statements.push(...await createStatements(connection, names, columns, stream.lineage));
  } else {
    if (stream.write === 'scd2') await refuseUnversioned(connection, names, existing);
    await refuseGenerated(connection, names, columns.map(({ name }) => name));
    statements.push(...compare(names, columns, existing, stream.lineage, plan.widens ?? []));
    if (stream.keepPrevious) await refuseToKeep(connection, names);
    if (stream.write === 'replace') destructive.push(...await refuseForeignTable(connection, names, options.allowDestructive));
  }
  if (stream.write === 'scd2') statements.push(`CREATE UNIQUE INDEX IF NOT EXISTS ${quoteIdentifier(`millrace_version_${names.hash}`)} ON ${names.target} (${quoteList([...stream.key, 'valid_from'])})`);
  if (stream.lineage && stream.write !== 'replace') statements.push(...await batchIndex(connection, names));
  if (stream.write === 'merge') statements.push(...await keyIndex(connection, names, stream.key, plan.target));
  if (stream.visible === 'run') statements.push(`CREATE TABLE IF NOT EXISTS ${names.hidden(plan.fence)} (${listOf(loaded)}, ${stagesPosition(stream) ? `${positionColumn} bigint, ` : ''}${batchColumn} bigint NOT NULL DEFAULT ${batchDefault})`);
  if (!options.dryRun) {
    await connection.transaction(async () => {
      await connection.run('SELECT pg_advisory_xact_lock(7266232)');
      for (const statement of statements) await connection.run(statement);
    });
  }
  return { statements, destructive, creates: existing.size === 0 };
}

/** Fills the lineage of rows whose text is loaded as the source printed it. */
const batchSetting = 'millrace.batch';
const batchDefault = `current_setting('${batchSetting}')::bigint`;
export const setBatch = (number: string): string => `SET LOCAL ${batchSetting} = ${quoteLiteral(number)}`;

/** Into the hidden table only: a table of the user's gets no default of ours. */
export async function takesCopyText(connection: PostgresConnection, names: Names, { stream }: Target, columns: readonly Column[]): Promise<boolean> {
  if (stream.visible !== 'run' || stagesPosition(stream)) return false;
  const existing = await columnsOf(connection, names.target);
  return columns.every((column) => existing.get(column.name) === postgresTypeOf(column));
}

type Typed = Column & { readonly own: string };

/** A source's own type is restored where this database has it; else its text stays text. */
async function typesOf(connection: PostgresConnection, columns: readonly Column[]): Promise<readonly Typed[]> {
  const typed: Typed[] = [];
  for (const column of columns) {
    const own = postgresTypeOf(column);
    if (own === null) throw new ConfigurationError(`preparing the target: column "${column.name}" is ${column.type}, which Postgres cannot hold exactly; add a cast step`, { column: column.name });
    const { known } = await connection.row('SELECT (to_regtype($1) IS NOT NULL)::text AS known', [own.replace(/\(.*\)/, '')]);
    typed.push({ ...column, own: known === 'true' ? own : 'text' });
  }
  return typed;
}

/** Columns that scd2 adds, of the cursor's own type. */
async function versionsOf(connection: PostgresConnection, names: Names, stream: StreamSpec, { target, order }: Pick<Plan, 'target' | 'order'>): Promise<readonly Typed[]> {
  const problem = versionProblem({ stream, target, order });
  if (problem) throw new ConfigurationError(`preparing "${names.label}": ${problem}`, { target: names.label });
  const cursor = target.find(({ name }) => name === order) ?? { type: beginningOf(target, order), nullable: false };
  const [from, to, current] = versionColumns;
  return typesOf(connection, [{ ...cursor, name: from }, { ...cursor, name: to }, { name: current, type: 'BOOLEAN', nullable: false }]);
}

/** The old table is kept by renaming it; what hangs on it would go with it (semantics 7). Judged again by the publish. */
async function refuseToKeep(connection: PostgresConnection, names: Names): Promise<void> {
  const reasons = await hangsOn(connection, names.target);
  if (reasons.length > 0) throw new DestinationHeldError(`preparing "${names.label}": keep_previous keeps the old table by renaming it to "${names.previousName}", but ${reasons.join(', ')}; remove that, or leave "keep_previous" out, then "millrace resume RUN"`, { target: names.label });
}

/** Rows without a beginning cannot be versions of anything. */
async function refuseUnversioned(connection: PostgresConnection, names: Names, existing: ReadonlyMap<string, string>): Promise<void> {
  const missing = versionColumns.find((name) => !existing.has(name));
  if (missing === undefined) return;
  const { some } = await connection.row(`SELECT EXISTS (SELECT 1 FROM ${names.target})::text AS some`);
  if (some === 'true') throw new DestinationHeldError(`preparing "${names.label}": it has rows and no column "${missing}", so it holds no versions; write scd2 to another table, or add valid_from, valid_to and is_current and fill them, then "millrace resume RUN"`, { target: names.label });
}

const listOf = (columns: readonly Typed[]): string => columns.map(({ name, own }) => `${quoteIdentifier(name)} ${own}`).join(', ');

async function createStatements(connection: PostgresConnection, names: Names, columns: readonly Typed[], lineage: boolean): Promise<readonly string[]> {
  const { known } = await connection.row('SELECT (to_regnamespace($1) IS NOT NULL)::text AS known', [quoteIdentifier(names.schema)]);
  return [
    ...(known === 'true' ? [] : [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(names.schema)}`]),
    `CREATE TABLE IF NOT EXISTS ${names.target} (${listOf(columns)}${lineage ? `, ${batchColumn} bigint` : ''})`,
    // How a table is known to be Millrace's own, also before its first ledger row.
    `COMMENT ON TABLE ${names.target} IS ${quoteLiteral(`loaded by Millrace pipeline ${names.pipeline}, stream ${names.stream}`)}`,
  ];
}

export async function columnsOf(connection: PostgresConnection, target: string): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.rows('SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum', [target]);
  return new Map(rows.map((row) => [row['name']!, row['type']!]));
}

/** Columns of an existing target are matched by name; missing ones are added, others must hold every value. */
function compare(names: Names, columns: readonly Typed[], existing: ReadonlyMap<string, string>, lineage: boolean, widens: readonly string[]): readonly string[] {
  const narrow = columns.filter(({ name, own }) => existing.has(name) && !holds(existing.get(name)!, own));
  const widened = narrow.filter(({ name, own }) => widens.includes(name) && holds(own, existing.get(name)!));
  const misfits = narrow.filter((column) => !widened.includes(column));
  if (misfits.length > 0) {
    const list = misfits.map(({ name, own }) => `"${name}" is ${existing.get(name)}, the stream has ${own}`).join('; ');
    throw new DestinationHeldError(`preparing "${names.label}": ${list}; widen the column, then "millrace resume RUN"; or "millrace cancel RUN", add a cast step and run it again`, { target: names.label, columns: misfits.map(({ name }) => name) });
  }
  const missing = [
    ...widened.map(({ name, own }) => `ALTER TABLE ${names.target} ALTER COLUMN ${quoteIdentifier(name)} TYPE ${own}`),
    ...columns.filter(({ name }) => !existing.has(name)).map(({ name, own }) => `ALTER TABLE ${names.target} ADD COLUMN IF NOT EXISTS ${quoteIdentifier(name)} ${own}`),
  ];
  return lineage && !existing.has(batchColumn) ? [...missing, `ALTER TABLE ${names.target} ADD COLUMN IF NOT EXISTS ${batchColumn} bigint`] : missing;
}

/** A few kilobytes that spare the pass over the whole table when a run counts, proves or takes back its own batches: those lie together. */
async function batchIndex(connection: PostgresConnection, names: Names): Promise<readonly string[]> {
  const name = `millrace_batch_${names.hash}`;
  const there = await connection.rows('SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = to_regclass($1) AND a.attname = $2', [names.target, batchColumn]);
  return there.length > 0 ? [] : [`CREATE INDEX IF NOT EXISTS ${quoteIdentifier(name)} ON ${names.target} USING brin (${batchColumn}) WITH (pages_per_range = 32, autosummarize = on)`];
}

const integers = ['smallint', 'integer', 'bigint'];

/** Whether a column of the target holds every value of a type. */
export function holds(target: string, own: string): boolean {
  const bare = (type: string) => type.replaceAll(' ', '').toLowerCase();
  if (bare(target) === bare(own) || target === 'text') return true;
  if (target === 'numeric' && (own.startsWith('numeric') || integers.includes(own))) return true;
  if (integers.includes(target) && integers.includes(own)) return integers.indexOf(target) >= integers.indexOf(own);
  if (target === 'double precision' && own === 'real') return true;
  const [, p = 0, s = 0] = /^numeric\((\d+),(\d+)\)$/.exec(target)?.map(Number) ?? [];
  if (own in digitsOf) return p - s >= digitsOf[own]!;
  if (/^numeric/.test(target) && /^numeric/.test(own)) {
    const [, q = 0, r = 0] = /\((\d+),(\d+)\)/.exec(own)?.map(Number) ?? [];
    return q > 0 && s >= r && p - s >= q - r;
  }
  const [room, needed] = [sizedText(target), sizedText(own)];
  if (room && needed) return room.letters >= needed.letters;
  const [digits, moment] = [precise(target), precise(own)];
  return digits !== null && moment !== null && digits.kind === moment.kind && digits.digits >= moment.digits;
}

/** Digits before the point that every value of an integer type fits in. */
const digitsOf: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };

/** `character varying(20)`; without a length it has room for all. */
function sizedText(type: string): { readonly letters: number } | null {
  const [, letters] = /^character varying(?:\((\d+)\))?$/.exec(type) ?? [null, null];
  return type.startsWith('character varying') ? { letters: letters ? Number(letters) : Number.POSITIVE_INFINITY } : null;
}

/** `timestamp(3) with time zone`: its kind, and the digits of a second that it keeps. */
function precise(type: string): { readonly kind: string; readonly digits: number } | null {
  const [, stem, digits, zone] = /^(timestamp|time)(?:\((\d)\))? (with(?:out)? time zone)$/.exec(type) ?? [];
  return stem === undefined ? null : { kind: `${stem} ${zone}`, digits: Number(digits ?? 6) };
}

async function refuseForeignTable(connection: PostgresConnection, names: Names, allowed: boolean): Promise<readonly string[]> {
  if (await isOwn(connection, names)) return [];
  const { some } = await connection.row(`SELECT EXISTS (SELECT 1 FROM ${names.target})::text AS some`);
  if (some === 'true' && !allowed) throw new ConfigurationError(`preparing "${names.label}": Millrace did not create this table and it has rows, which replace would take away; use another table, or --allow-destructive`, { target: names.label });
  return [`replace the rows of ${names.label}`];
}

async function isOwn(connection: PostgresConnection, names: Names): Promise<boolean> {
  const { commented, ledger } = await connection.row("SELECT (coalesce(obj_description(to_regclass($1), 'pg_class'), '') LIKE 'loaded by Millrace%')::text AS commented, (to_regclass($2) IS NOT NULL)::text AS ledger", [names.target, names.loads]);
  if (commented === 'true' || ledger !== 'true') return commented === 'true';
  return (await connection.rows(`SELECT 1 FROM ${names.loads} WHERE target = $1 AND state = 'published' LIMIT 1`, [names.label])).length > 0;
}

/** Merge finds a key by this index; where the target holds a key twice it cannot be made. */
async function keyIndex(connection: PostgresConnection, names: Names, key: readonly string[], columns: readonly Column[]): Promise<readonly string[]> {
  const unknown = key.filter((name) => !columns.some((column) => column.name === name));
  if (unknown.length > 0) throw new ConfigurationError(`preparing "${names.label}": key column "${unknown[0]}" is not among the stream's columns: ${columns.map(({ name }) => name).join(', ')}${writtenHere(unknown[0]!, columns.map(({ name }) => name))}`);
  const there = await connection.rows(
    'SELECT 1 FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND ' +
    '(SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)) = (SELECT array_agg(k ORDER BY k) FROM unnest($2::text[]) k)',
    [names.target, `{${key.map((name) => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`]);
  if (there.length > 0) return [];
  if ((await columnsOf(connection, names.target)).size > 0) {
    const twice = await connection.rows(`SELECT 1 FROM ${names.target} GROUP BY ${quoteList(key)} HAVING count(*) > 1 LIMIT 1`);
    if (twice.length > 0) throw new DestinationHeldError(`preparing "${names.label}": it holds some keys more than once, so merge cannot tell rows apart; see them with: SELECT ${quoteList(key)}, count(*) FROM ${names.target} GROUP BY ${quoteList(key)} HAVING count(*) > 1`, { target: names.label });
  }
  return [`CREATE UNIQUE INDEX IF NOT EXISTS ${quoteIdentifier(`millrace_key_${names.hash}`)} ON ${names.target} (${quoteList(key)})`];
}
