import { emptyLine, type BalanceLine } from '../domain/balance';
import { positionColumn, systemPrefix, type Column } from '../domain/column';
import { CheckBlockedError, ConfigurationError } from '../domain/errors';
import type { NamedOptions, OnError } from '../domain/pipeline';
import { compileRowChecks } from '../checks/row-checks';
import { rejectsByUnique } from '../checks/registry';
import type { Session } from './duckdb-engine';
import { quoteIdentifier, quoteLiteral } from './quote';
import { stepNamed } from './registry';
import type { Compiled, Guard, Keep, Reshape, Rows } from './step';
import { refuseForeignSql } from './user-sql';

export interface ReferenceRelation {
  readonly relation: string;
  readonly columns: readonly Column[];
}
type References = Readonly<Record<number, Readonly<Record<string, ReferenceRelation>>>>;

export interface ChainRequest {
  readonly session: Session;
  /** Plain name of a TEMP relation: `columns` and, unless `needsPositions` is false, `_millrace_position` BIGINT. */
  readonly relation: string;
  readonly columns: readonly Column[];
  readonly steps: readonly NamedOptions[];
  /** Ordinal of the first of `steps` in the stream. */
  readonly firstStep: number;
  /** All checks of the stream; row checks run after the last step. Empty where the chain goes on elsewhere. */
  readonly checks: readonly NamedOptions[];
  readonly references: References;
  /** Table made by `createRejects`. */
  readonly rejects: string;
  /** Whether `relation` has positions; where it has none, `needsPositions` must be false. */
  readonly positions: boolean;
}

export interface ChainResult {
  readonly relation: string;
  readonly columns: readonly Column[];
  /** Rows that the first counting step received; null: no step counted, nothing can have been dropped. */
  readonly received: number | null;
  /** The balance, once the number of rows that came out is known. */
  close(out: number): readonly BalanceLine[];
  readonly failing: Readonly<Record<number, number>>;
}

interface State {
  relation: string;
  columns: readonly Column[];
  /** Positions no longer name rows of the chain's input: a reject must carry its record itself. */
  reshaped: boolean;
}

/** Table of what steps and checks reject: one entry per row; `raw` only where the position does not lead back to the input. */
export const createRejects = (session: Session, name: string): Promise<void> =>
  session.run(`CREATE TEMP TABLE ${quoteIdentifier(name)} (position BIGINT, step VARCHAR, reasons VARCHAR, raw VARCHAR)`);

/** Runs steps and row checks over a relation. Views where no row can be dropped, a table where rows are dropped and counted. */
export async function runChain(request: ChainRequest): Promise<ChainResult> {
  const { session } = request;
  const state: State = { relation: request.relation, columns: request.columns, reshaped: false };
  const known: (BalanceLine | string)[] = [];
  for (const [index, spec] of request.steps.entries()) {
    const ordinal = request.firstStep + index;
    const line = await applyStep(request, state, spec, ordinal);
    known.push(line ?? `${ordinal} ${spec.name}`);
  }
  const checks = compileRowChecks(request.checks, state.columns, quoteIdentifier(state.relation));
  if (checks.guards.length > 0) known.push(await applyGuards(request, state, 'checks', checks.guards, state.columns.map(({ name }) => quoteIdentifier(name))));
  const failing = checks.counted.length > 0 ? await countFailing(session, state.relation, checks.counted) : {};
  return { relation: state.relation, columns: state.columns, received: known.find((line) => typeof line !== 'string')?.in ?? null, close: (out) => closed(known, out), failing };
}

/** Steps that neither drop nor add rows hand on what the next counted step received. */
function closed(known: readonly (BalanceLine | string)[], out: number): readonly BalanceLine[] {
  const lines: BalanceLine[] = [];
  let next = out;
  for (const line of [...known].reverse()) {
    const whole = typeof line === 'string' ? { ...emptyLine(line), in: next, out: next } : line;
    lines.unshift(whole);
    next = whole.in;
  }
  return lines;
}

async function applyStep(request: ChainRequest, state: State, spec: NamedOptions, ordinal: number): Promise<BalanceLine | null> {
  const compiled = compile(state, spec, ordinal, request.references);
  switch (compiled.kind) {
    case 'rows': return applyRows(request, state, compiled, spec, ordinal);
    case 'keep': return applyKeep(request, state, compiled, spec, ordinal);
    case 'reshape': return applyReshape(request, state, compiled, spec, ordinal);
  }
}

function compile(state: Pick<State, 'relation' | 'columns'>, { name, options }: NamedOptions, ordinal: number, references: References): Compiled {
  const quoted = Object.fromEntries(Object.entries(references[ordinal] ?? {}).map(([key, reference]) => [key, { ...reference, relation: quoteIdentifier(reference.relation) }]));
  const compiled = stepNamed(name).compile(options, { columns: state.columns, relation: quoteIdentifier(state.relation), references: quoted });
  const added = compiled.kind === 'rows' ? compiled.columns.map((column) => column.name) : [];
  const reserved = added.find((column) => column.startsWith(systemPrefix));
  if (reserved) throw new ConfigurationError(`compiling step ${ordinal} "${name}": names that start with "${systemPrefix}" are Millrace's own; call "${reserved}" something else`);
  return compiled;
}

const onErrorOf = ({ options }: NamedOptions): OnError => (options['on_error'] as OnError | undefined) ?? 'reject';

async function applyRows(request: ChainRequest, state: State, { columns, guards }: Rows, spec: NamedOptions, ordinal: number): Promise<BalanceLine | null> {
  const onError = onErrorOf(spec);
  const kept = (output: string, sql: string): string => {
    const own = guards.filter((guard) => guard.output === output);
    if (onError !== 'keep' || own.length === 0) return sql;
    return `CASE WHEN ${own.map(({ when }) => `(${when})`).join(' OR ')} THEN CAST(${quoteIdentifier(own[0]!.column)} AS VARCHAR) ELSE CAST(${sql} AS VARCHAR) END`;
  };
  const projections = columns.map(({ name, sql }) => `${kept(name, sql)} AS ${quoteIdentifier(name)}`);
  const line = guards.length > 0 && (onError === 'reject' || onError === 'fail') ? await applyGuards(request, state, `${ordinal} ${spec.name}`, guards, projections, onError) : null;
  if (!line) await createView(request, state, projections, request.positions);
  await describeInto(request.session, state, new Map(columns.filter(({ computed }) => !computed).map(({ name, sql }) => [name, sql])));
  return line;
}

/** Rows that no guard meets go on as `projections`; the others into the rejects, with all their reasons, one entry each. */
async function applyGuards(request: ChainRequest, state: State, step: string, guards: readonly Guard[], projections: readonly string[], onError: OnError = 'reject'): Promise<BalanceLine> {
  const { session } = request;
  const table = nextName(state);
  const reasons = guards.map(({ column, reason, when }) => `CASE WHEN ${when} THEN ${quoteLiteral(JSON.stringify({ column, reason }))} END`);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS SELECT *, list_filter([${reasons.join(', ')}], lambda reason: reason IS NOT NULL) AS _millrace_reasons FROM ${quoteIdentifier(state.relation)}`);
  const counts = await session.row(`SELECT count(*) AS total, count(*) FILTER (len(_millrace_reasons) = 0) AS good, count(*) FILTER (len(_millrace_reasons) > 0) AS bad FROM ${quoteIdentifier(table)}`);
  const bad = Number(counts['bad']);
  if (bad > 0 && onError === 'fail') throw new CheckBlockedError(`running step "${step}": ${bad} rows cannot be processed (${guards.map(({ column, reason }) => `"${column}" ${reason}`).join('; ')}) and on_error is fail; mend the rows or use on_error: reject`, { step, rows: bad });
  if (bad > 0) await session.run(rejectsOf(request, state, table, step));
  state.relation = `${table}_good`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(state.relation)} AS SELECT ${[...projections, ...(request.positions ? [quoteIdentifier(positionColumn)] : [])].join(', ')} FROM ${quoteIdentifier(table)} WHERE len(_millrace_reasons) = 0`);
  return { ...emptyLine(step), in: Number(counts['total']), out: Number(counts['good']), rejected: bad };
}

function rejectsOf(request: ChainRequest, state: State, table: string, step: string): string {
  const raw = state.reshaped ? `CAST(json_object(${state.columns.map(({ name }) => `${quoteLiteral(name)}, CAST(${quoteIdentifier(name)} AS VARCHAR)`).join(', ')}) AS VARCHAR)` : 'NULL';
  return `INSERT INTO ${quoteIdentifier(request.rejects)} SELECT ${quoteIdentifier(positionColumn)}, ${quoteLiteral(step)}, '[' || array_to_string(_millrace_reasons, ',') || ']', ${raw} FROM ${quoteIdentifier(table)} WHERE len(_millrace_reasons) > 0`;
}

async function applyKeep(request: ChainRequest, state: State, { condition, counts, guards = [] }: Keep, spec: NamedOptions, ordinal: number): Promise<BalanceLine> {
  const { session } = request;
  const step = `${ordinal} ${spec.name}`;
  const onError = onErrorOf(spec);
  const guarded = guards.length > 0 && (onError === 'reject' || onError === 'fail') ? await applyGuards(request, state, step, guards, state.columns.map(({ name }) => quoteIdentifier(name)), onError) : null;
  const table = nextName(state);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS SELECT *, (${condition}) AS _millrace_keep FROM ${quoteIdentifier(state.relation)}`);
  const row = await session.row(`SELECT count(*) AS total, count(*) FILTER (_millrace_keep) AS kept, count(*) FILTER (_millrace_keep IS NOT TRUE) AS gone FROM ${quoteIdentifier(table)}`);
  state.relation = `${table}_kept`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(state.relation)} AS SELECT * EXCLUDE (_millrace_keep) FROM ${quoteIdentifier(table)} WHERE _millrace_keep`);
  return { ...emptyLine(step), in: guarded?.in ?? Number(row['total']), rejected: guarded?.rejected ?? 0, out: Number(row['kept']), [counts]: Number(row['gone']) };
}

async function applyReshape(request: ChainRequest, state: State, { select, measure, untouched, keepsPosition }: Reshape, spec: NamedOptions, ordinal: number): Promise<BalanceLine> {
  const { session } = request;
  const measured = await session.row(measure);
  const received = await countOf(session, state.relation);
  const table = nextName(state);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS ${keepsPosition ? select : `SELECT *, row_number() OVER () - 1 AS ${quoteIdentifier(positionColumn)} FROM (${select})`}`);
  state.relation = table;
  state.reshaped ||= !keepsPosition;
  await describeInto(session, state, new Map(untouched.map((name) => [name, quoteIdentifier(name)])));
  const number = (name: string) => Number(measured[name]);
  return { step: `${ordinal} ${spec.name}`, in: received, created: number('created'), out: await countOf(session, table), rejected: 0, filtered: number('filtered'), deduplicated: number('deduplicated'), aggregated: number('aggregated') };
}

const countOf = async (session: Session, relation: string): Promise<number> => Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(relation)}`))['n']);

async function createView(request: ChainRequest, state: State, projections: readonly string[], position: boolean): Promise<void> {
  const view = nextName(state);
  await request.session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT ${[...projections, ...(position ? [quoteIdentifier(positionColumn)] : [])].join(', ')} FROM ${quoteIdentifier(state.relation)}`);
  state.relation = view;
}

const nextName = (state: State): string => `${state.relation.split('__')[0]}__${counter++}`;
let counter = 0;

/** New column types, as DuckDB tells them; the source's own type stays only where the value does. */
async function describeInto(session: Session, state: State, untouched: ReadonlyMap<string, string>): Promise<void> {
  const before = new Map(state.columns.map((column) => [quoteIdentifier(column.name), column]));
  const rows = await session.rows(`DESCRIBE SELECT * FROM ${quoteIdentifier(state.relation)}`);
  state.columns = rows.filter((row) => row['column_name'] !== positionColumn).map((row) => {
    const name = row['column_name']!;
    const origin = before.get(untouched.get(name) ?? '');
    return origin ? { ...origin, name } : { name, type: row['column_type']!, nullable: true };
  });
}

async function countFailing(session: Session, relation: string, counted: readonly { readonly index: number; readonly when: string }[]): Promise<Readonly<Record<number, number>>> {
  const row = await session.row(`SELECT ${counted.map(({ index, when }) => `count(*) FILTER (${when}) AS c${index}`).join(', ')} FROM ${quoteIdentifier(relation)}`);
  return Object.fromEntries(counted.map(({ index }) => [index, Number(row[`c${index}`])]));
}

/** Columns after the steps, asked of DuckDB over relations without rows. Throws ConfigurationError naming the step. */
export async function describeChain(session: Session, columns: readonly Column[], steps: readonly NamedOptions[], references: References): Promise<readonly Column[]> {
  const relation = `described_${counter++}`;
  const nothing = [...columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`), `CAST(NULL AS BIGINT) AS ${quoteIdentifier(positionColumn)}`];
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${nothing.join(', ')} WHERE false`);
  let state: Pick<State, 'relation' | 'columns'> = { relation, columns };
  await createRejects(session, `${relation}_rejects`);
  for (const [ordinal, spec] of steps.entries()) {
    for (const { sql, allowed } of userSqlOf(spec)) await refuseForeignSql(session, sql, allowed, spec.name);
    try {
      const result = await runChain({ session, relation: state.relation, columns: state.columns, steps: [spec], firstStep: ordinal, checks: [], references, positions: true, rejects: `${relation}_rejects` });
      state = result;
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      throw new ConfigurationError(`compiling step ${ordinal + 1} "${spec.name}": ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, { step: spec.name });
    }
  }
  return state.columns;
}

/** SQL that the user wrote in a step, as a statement that can be parsed. */
function userSqlOf({ name, options }: NamedOptions): readonly { readonly sql: string; readonly allowed: readonly string[] }[] {
  const expressions = (value: unknown): string[] => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value).map(String) : []);
  const expression = (text: string) => ({ sql: `SELECT (${text}) AS value FROM input`, allowed: ['input'] });
  switch (name) {
    case 'add': return expressions(options['columns']).map(expression);
    case 'filter': return [expression(String(options['where']))];
    case 'aggregate': return [...expressions(options['by']), ...expressions(options['measures'])].map(expression);
    case 'sql': return [{ sql: String(options['query']), allowed: ['input'] }];
    default: return [];
  }
}

/** Where a chain splits: the first step that needs the whole stream, or the end; `unique` with quarantine needs it too. */
export function splitOf(steps: readonly NamedOptions[], checks: readonly NamedOptions[]): { readonly firstStreamStep: number; readonly wholeStream: boolean } {
  const first = steps.findIndex(({ name, options }) => stepNamed(name).scope(options) === 'stream');
  const firstStreamStep = first < 0 ? steps.length : first;
  return { firstStreamStep, wholeStream: first >= 0 || checks.some(rejectsByUnique) };
}

/** False where a chain can neither drop nor reorder rows: then it is one view over the landing files, the fast path. */
export function needsPositions(steps: readonly NamedOptions[], checks: readonly NamedOptions[]): boolean {
  const pure = ['select', 'drop', 'rename', 'trim', 'case', 'replace'];
  const harmless = (step: NamedOptions) => pure.includes(step.name) || (step.name === 'fill_missing' && stepNamed(step.name).scope(step.options) === 'row');
  return steps.some((step) => !harmless(step)) || checks.some(({ options }) => options['on_fail'] === 'quarantine');
}
