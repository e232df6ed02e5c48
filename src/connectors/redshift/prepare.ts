import { batchColumn, positionColumn, type Column } from '../../domain/column';
import { ConfigurationError, DestinationHeldError } from '../../domain/errors';
import { writtenHere } from '../../domain/naming';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { SchemaChanges, Target } from '../connector';
import { beginningOf, versionColumns, versionProblem } from '../versions';
import type { Redshift } from './client';
import { describeColumns, schemaSql, typesOf, type TableColumn } from './columns';
import type { Names } from './names';
import { refuseUnprivileged, refuseUnseen } from './privileges';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { systemTablesThere } from './system-tables';
import { holds, redshiftTypeOf, textLength } from './types';

interface PrepareOptions {
  readonly dryRun: boolean;
  readonly allowDestructive: boolean;
}

type Typed = Column & { readonly own: string };

/** Makes the target and the hidden table ready for the plan's columns, or says what does not fit. Nothing is narrowed or dropped. */
export async function prepareTarget(redshift: Redshift, names: Names, { stream }: Target, plan: Pick<Plan, 'target' | 'fence' | 'order'>, options: PrepareOptions): Promise<SchemaChanges> {
  const loaded = typed(names, plan.target);
  refuseMissingKey(names, stream, plan.target);
  const columns = stream.write === 'scd2' ? [...loaded, ...versionsOf(names, stream, plan)] : loaded;
  const there = await describeColumns(redshift, names.schema, names.table);
  const existing = typesOf(there);
  const statements: string[] = [];
  const destructive: string[] = [];
  if (existing.size === 0) {
    await refuseUnseen(redshift, names);
    statements.push(...await schemaSql(redshift, names.schema), ...createStatements(redshift, names, columns, stream.lineage));
  } else {
    if (stream.write === 'scd2') await refuseUnversioned(redshift, names, existing);
    const changes = compare(names, columns, existing, stream.lineage);
    await refuseUnprivileged(redshift, names, changes);
    statements.push(...changes);
    refuseUnfilled(names, columns, there);
    if (stream.write === 'merge') await refuseDoubleKeys(redshift, names, stream.key);
    if (stream.write === 'replace') destructive.push(...await refuseForeignTable(redshift, names, options.allowDestructive));
  }
  // In the target's own types, so that nothing is cast again when it is published.
  const hidden = loaded.map((column) => ({ ...column, own: `${wideOf(existing.get(column.name.toLowerCase()), column.own)}${there.get(column.name.toLowerCase())?.required ? ' NOT NULL' : ''}` }));
  statements.push(`CREATE TABLE IF NOT EXISTS ${names.hidden(plan.fence)} (${listOf(hidden)}, ${positionColumn} BIGINT NOT NULL, ${batchColumn} BIGINT NOT NULL)`);
  if (!options.dryRun) await redshift.transaction({ doing: `preparing "${names.label}"`, steps: statements.map((sql) => ({ sql })) });
  const notes = narrow(redshift, names, loaded, existing);
  return { statements, destructive, creates: existing.size === 0, ...(notes.length > 0 && { notes }) };
}

const wideOf = (there: string | undefined, own: string): string => (there === undefined || there.startsWith('varbyte') ? own : there);

function typed(names: Names, columns: readonly Column[]): readonly Typed[] {
  return columns.map((column) => {
    const own = redshiftTypeOf(column);
    if (own === null) throw new ConfigurationError(`preparing "${names.label}": column "${column.name}" is ${column.type}, which Redshift cannot hold exactly; add a cast step`, { column: column.name });
    return { ...column, own };
  });
}

function refuseMissingKey(names: Names, { write, key }: StreamSpec, columns: readonly Column[]): void {
  const unknown = write === 'merge' ? key.find((name) => !columns.some((column) => column.name === name)) : undefined;
  if (unknown) throw new ConfigurationError(`preparing "${names.label}": key column "${unknown}" is not among the stream's columns: ${columns.map(({ name }) => name).join(', ')}${writtenHere(unknown, columns.map(({ name }) => name))}`);
  const odd = write === 'append' ? undefined : key.map((name) => columns.find((column) => column.name === name)).find((column) => column && redshiftTypeOf(column) === 'super');
  if (odd) throw new ConfigurationError(`preparing "${names.label}": key column "${odd.name}" would be SUPER, by which Redshift cannot tell rows apart; cast it to text in a step`);
}

/** Columns that scd2 adds, of the cursor's own type. */
function versionsOf(names: Names, stream: StreamSpec, { target, order }: Pick<Plan, 'target' | 'order'>): readonly Typed[] {
  const problem = versionProblem({ stream, target, order });
  if (problem) throw new ConfigurationError(`preparing "${names.label}": ${problem}`, { target: names.label });
  const cursor = target.find(({ name }) => name === order) ?? { type: beginningOf(target, order), nullable: false };
  const [from, to, current] = versionColumns;
  return typed(names, [{ ...cursor, name: from }, { ...cursor, name: to }, { name: current, type: 'BOOLEAN', nullable: false }]);
}

const listOf = (columns: readonly Typed[]): string => columns.map(({ name, own }) => `${quoteIdentifier(name)} ${own}`).join(', ');

function createStatements({ config }: Redshift, names: Names, columns: readonly Typed[], lineage: boolean): readonly string[] {
  const setting = config.tables[names.label] ?? config.tables[names.table];
  const style = setting?.distkey ? ` DISTSTYLE KEY DISTKEY (${quoteIdentifier(setting.distkey)})` : setting?.diststyle ? ` DISTSTYLE ${setting.diststyle.toUpperCase()}` : '';
  const sort = setting?.sortkey ? ` SORTKEY (${quoteList(setting.sortkey)})` : '';
  const unknown = [setting?.distkey, ...setting?.sortkey ?? []].find((wanted) => wanted !== undefined && !columns.some(({ name, own }) => name.toLowerCase() === wanted.toLowerCase() && own !== 'super'));
  if (unknown) throw new ConfigurationError(`preparing "${names.label}": "${unknown}" is to be a key of its storage, and is no column that can be one; correct "tables" of the connection`);
  return [
    `CREATE TABLE IF NOT EXISTS ${names.target} (${listOf(columns)}${lineage ? `, ${batchColumn} BIGINT` : ''})${style}${sort}`,
    // How a table is known to be Millrace's own, also before its first ledger row.
    `COMMENT ON TABLE ${names.target} IS ${quoteLiteral(`loaded by Millrace pipeline ${names.pipeline}, stream ${names.stream}`)}`,
  ];
}

/** Columns of an existing target are matched by name; missing ones are added, others must hold every value. */
function compare(names: Names, columns: readonly Typed[], existing: ReadonlyMap<string, string>, lineage: boolean): readonly string[] {
  const misfits = columns.filter(({ name, own }) => existing.has(name.toLowerCase()) && !holds(existing.get(name.toLowerCase())!, own));
  if (misfits.length > 0) {
    const list = misfits.map(({ name, own }) => `"${name}" is ${existing.get(name.toLowerCase())}, the stream has ${own}`).join('; ');
    throw new DestinationHeldError(`preparing "${names.label}": ${list}; change the column, then "millrace resume RUN"; or "millrace cancel RUN", add a cast step and run it again`, { target: names.label, columns: misfits.map(({ name }) => name) });
  }
  const missing = columns.filter(({ name }) => !existing.has(name.toLowerCase())).map(({ name, own }) => `ALTER TABLE ${names.target} ADD COLUMN ${quoteIdentifier(name)} ${own}`);
  return lineage && !existing.has(batchColumn) ? [...missing, `ALTER TABLE ${names.target} ADD COLUMN ${batchColumn} BIGINT`] : missing;
}

/** A table that is there may have columns of its own. */
function refuseUnfilled(names: Names, columns: readonly Typed[], there: ReadonlyMap<string, TableColumn>): void {
  const unfilled = [...there].filter(([name, { required, filled }]) => required && !filled && !columns.some((column) => column.name.toLowerCase() === name)).map(([name]) => `"${name}"`);
  if (unfilled.length > 0) throw new DestinationHeldError(`preparing "${names.label}": its column ${unfilled.join(', ')} takes no NULL, and the stream does not have it; give it a default, or add it in a step, then "millrace resume RUN"`, { target: names.label });
}

/** Whether all text fits is not known before it is read: said beforehand, measured before each COPY. */
function narrow({ config }: Redshift, names: Names, columns: readonly Typed[], existing: ReadonlyMap<string, string>): readonly string[] {
  return columns.flatMap(({ name, own }) => {
    const [there, most] = [textLength(existing.get(name.toLowerCase()) ?? ''), textLength(own)];
    if (there === null || most === null || most <= there) return [];
    return [`column "${name}" of "${names.label}" has room for ${there} bytes, the stream's text may have more: ${config.misfits === 'hold' ? 'a batch with longer text is held' : 'rows with longer text are set aside'}; widen it with ALTER TABLE ${names.target} ALTER COLUMN ${quoteIdentifier(name)} TYPE VARCHAR(${most})`];
  });
}

const isEmpty = async (redshift: Redshift, table: string): Promise<boolean> => (await redshift.rows(`SELECT '1' AS some FROM ${table} LIMIT 1`)).length === 0;

/** Rows without a beginning cannot be versions of anything. */
async function refuseUnversioned(redshift: Redshift, names: Names, existing: ReadonlyMap<string, string>): Promise<void> {
  const missing = versionColumns.find((name) => !existing.has(name));
  if (missing === undefined || await isEmpty(redshift, names.target)) return;
  throw new DestinationHeldError(`preparing "${names.label}": it has rows and no column "${missing}", so it holds no versions; write scd2 to another table, or add valid_from, valid_to and is_current and fill them, then "millrace resume RUN"`, { target: names.label });
}

/** Redshift enforces no key, so it is looked at each time. */
async function refuseDoubleKeys(redshift: Redshift, names: Names, key: readonly string[]): Promise<void> {
  const query = `SELECT ${quoteList(key)}, count(*) FROM ${names.target} GROUP BY ${quoteList(key)} HAVING count(*) > 1`;
  const twice = await redshift.rows(`SELECT '1' AS some FROM (${query} LIMIT 1) d`);
  if (twice.length > 0) throw new DestinationHeldError(`preparing "${names.label}": it holds some keys more than once, so merge cannot tell rows apart; see them with: ${query}`, { target: names.label });
}

async function refuseForeignTable(redshift: Redshift, names: Names, allowed: boolean): Promise<readonly string[]> {
  const [{ own } = { own: null }] = await redshift.rows(`SELECT CASE WHEN LEFT(remarks, 18) = 'loaded by Millrace' THEN 'yes' END AS own FROM svv_tables WHERE table_schema = ${quoteLiteral(names.schema)} AND table_name = ${quoteLiteral(names.table)}`);
  if (own === 'yes') return [];
  const known = (await systemTablesThere(redshift)) && (await redshift.rows(`SELECT '1' AS some FROM ${names.loads} WHERE target = ${quoteLiteral(names.label)} AND state = 'published' LIMIT 1`)).length > 0;
  if (known) return [];
  if (!allowed && !(await isEmpty(redshift, names.target))) throw new ConfigurationError(`preparing "${names.label}": Millrace did not create this table and it has rows, which replace would take away; use another table, or --allow-destructive`, { target: names.label });
  return [`replace the rows of ${names.label}`];
}
