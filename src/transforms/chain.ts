import type { BalanceLine } from '../domain/balance';
import type { ContractRule } from '../domain/contract';
import { positionColumn, systemPrefix, type Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import type { NamedOptions, OnError } from '../domain/pipeline';
import type { Misfit } from '../domain/plan';
import { compileRowChecks } from '../checks/row-checks';
import { closed, linesInto, type Known } from './chain-lines';
import { nextName, type ChainState } from './chain-state';
import { contractLine, enforceContract } from './contract';
import { unknownName, type Session } from './duckdb-engine';
import { addFates, carryRecord, handedOn, mostPending, settle, settleWhileRead, type FateRequest } from './fates';
import { groupedInParts, partsFor } from './grouped-in-parts';
import { runFetch } from './lookup-runner';
import { runProgram } from './program-runner';
import { quoteIdentifier } from './quote';
import { stepNamed } from './registry';
import type { Compiled, Guard, Keep, Reshape, Rows } from './step';

export interface ReferenceRelation {
  readonly relation: string;
  readonly columns: readonly Column[];
}
export type References = Readonly<Record<number, Readonly<Record<string, ReferenceRelation>>>>;

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
  /** The caller reads all of the resulting relation exactly once: rows are then counted as they pass, and no table of them is written for it. */
  readonly readOnce?: boolean;
  /** What the stream's contract does to the rows before the first step. Absent: nothing. */
  readonly rules?: readonly ContractRule[];
  /** What the target cannot hold: rows with it are set aside at the end. Empty or absent: nothing. */
  readonly misfits?: readonly Misfit[];
}

export interface ChainResult {
  readonly relation: string;
  readonly columns: readonly Column[];
  /** Values that the contract left out while their rows went on, by column. */
  readonly discarded: Readonly<Record<string, number>>;
  /** To be asked once the relation has been read, which with `readOnce` is when it is counted; `rejects` is whole from then on. */
  finish(): Promise<ChainCounts>;
}

export interface ChainCounts {
  /** Checks that look at single rows: failing rows, by index in `checks`. */
  readonly failing: Readonly<Record<number, number>>;
  /** The balance, once the number of rows that came out is known. */
  close(out: number): readonly BalanceLine[];
}

/**
 * Table of what steps and checks reject: one entry per row; `raw` only where the position does not lead back to the input, `checks` the indices of those that set it aside,
 * `record` where the position does lead back and the row carried its record along.
 */
export const createRejects = (session: Session, name: string): Promise<void> =>
  session.run(`CREATE TEMP TABLE ${quoteIdentifier(name)} (position BIGINT, step VARCHAR, reasons VARCHAR, raw VARCHAR, checks VARCHAR, record VARCHAR)`);

/** What is left out by them would have to be read for nobody but the rejects. */
const narrowing = ['select', 'drop'];

/** Runs steps and row checks over a relation: views, and one table for each part of the chain in which rows can be lost. */
export async function runChain(request: ChainRequest): Promise<ChainResult> {
  const { session } = request;
  const state: ChainState = { relation: request.relation, columns: request.columns, reshaped: false, record: null, pending: [] };
  const known: Known = [];
  if (request.readOnce && request.positions && !request.steps.some(({ name }) => narrowing.includes(name))) await carryRecord(session, state);
  const discarded = await applyRules(request, state, known);
  for (const [index, spec] of request.steps.entries()) await applyStep(request, state, known, spec, request.firstStep + index);
  const checks = compileRowChecks(request.checks, state.columns, quoteIdentifier(state.relation), quotedReferences(request.references));
  if (checks.guards.length > 0) {
    if (checks.windowed) await settleInto(request, state, known);
    known.push('checks');
    await addFates(session, state, { step: 'checks', onError: 'reject', guards: checks.guards, projections: namesOf(state) });
  }
  await applyMisfits(request, state, known);
  const failing = await countFailing(request, state, known, checks.counted);
  return {
    relation: state.relation, columns: state.columns, discarded,
    finish: async () => ({ failing: { ...await failing(), ...await countSetAside(request, checks.guards) }, close: (out) => closed(known, out) }),
  };
}

async function applyRules({ session, rules = [], positions }: ChainRequest, state: ChainState, known: Known): Promise<ChainResult['discarded']> {
  if (rules.length === 0) return {};
  known.push(contractLine);
  return enforceContract(session, state, rules, positions);
}

async function applyMisfits(request: ChainRequest, state: ChainState, known: Known): Promise<void> {
  const guards = (request.misfits ?? []).filter(({ column }) => state.columns.some(({ name }) => name === column)).map((misfit): Guard => ({ ...misfit, output: misfit.column }));
  if (guards.length === 0) return;
  if (state.pending.length >= mostPending) await settleInto(request, state, known);
  known.push('destination');
  await addFates(request.session, state, { step: 'destination', onError: 'reject', guards, projections: namesOf(state) });
}

async function settleInto(request: ChainRequest, state: ChainState, known: Known, conditions: readonly string[] = []): Promise<readonly number[]> {
  if (state.pending.length === 0) return [];
  return linesInto(known, await settle(request.session, state, request.rejects, conditions));
}

/** The end of the chain: its last fates, and what fails the checks that set nothing aside, counted together where that can be, so that the rows are looked at once. */
async function countFailing(request: ChainRequest, state: ChainState, known: Known, checks: readonly { readonly index: number; readonly when: string }[]): Promise<() => Promise<ChainCounts['failing']>> {
  const { session, rejects, positions } = request;
  const conditions = checks.map(({ when }) => when);
  const byIndex = (numbers: readonly number[]): ChainCounts['failing'] => Object.fromEntries(checks.map(({ index }, at) => [index, numbers[at]!]));
  if (request.readOnce && state.pending.length + checks.length > 0) {
    const settled = await settleWhileRead(session, state, rejects, conditions, positions);
    return async () => byIndex(linesInto(known, await settled()));
  }
  let numbers = await settleInto(request, state, known, conditions);
  if (checks.length > numbers.length) {
    const row = await session.row(`SELECT ${conditions.map((when, at) => `count(*) FILTER (${when}) AS c${at}`).join(', ')} FROM ${quoteIdentifier(state.relation)}`);
    numbers = conditions.map((_when, at) => Number(row[`c${at}`]));
  }
  return async () => byIndex(numbers);
}

/** Of checks that set rows aside: how many each of them did; a row may fail several. */
async function countSetAside({ session, rejects }: ChainRequest, guards: readonly Guard[]): Promise<ChainCounts['failing']> {
  const none = Object.fromEntries(guards.map(({ check }) => [check!, 0]));
  if (guards.length === 0) return none;
  const rows = await session.rows(`SELECT failed, count(*) AS n FROM (SELECT unnest(string_split(checks, ',')) AS failed FROM ${quoteIdentifier(rejects)} WHERE checks IS NOT NULL) GROUP BY failed`);
  return { ...none, ...Object.fromEntries(rows.map(({ failed, n }) => [failed!, Number(n)])) };
}

async function applyStep(request: ChainRequest, state: ChainState, known: Known, spec: NamedOptions, ordinal: number): Promise<void> {
  const compiled = compile(state, spec, ordinal, request.references);
  const looksAround = compiled.kind === 'reshape' || compiled.windowed === true || (compiled.kind === 'rows' && (compiled.program !== undefined || compiled.fetch !== undefined));
  if (state.pending.length > 0 && (looksAround || state.pending.length >= mostPending)) {
    await settleInto(request, state, known);
    return applyStep(request, state, known, spec, ordinal);
  }
  const step = `${ordinal + 1} ${spec.name}`;
  known.push(step);
  try {
    switch (compiled.kind) {
      case 'rows': return await applyRows(request, state, compiled, spec, step);
      case 'keep': return await applyKeep(request, state, compiled, spec, step);
      case 'reshape': return await applyReshape(request, state, known, compiled, spec, ordinal);
    }
  } catch (error) {
    if (!(error instanceof ConfigurationError) || error.facts['code'] !== unknownName) throw error;
    throw new ConfigurationError(`compiling step ${ordinal + 1} "${spec.name}": ${error.message.replace(/^running a DuckDB query: /, '')}`, { step: spec.name });
  }
}

/** Relations quoted, as steps and checks take them. */
export const quotedReferences = (references: References): References =>
  Object.fromEntries(Object.entries(references).map(([ordinal, found]) => [ordinal, Object.fromEntries(Object.entries(found).map(([key, reference]) => [key, { ...reference, relation: quoteIdentifier(reference.relation) }]))]));

function compile(state: ChainState, { name, options }: NamedOptions, ordinal: number, references: References): Compiled {
  const quoted = quotedReferences(references)[ordinal] ?? {};
  const compiled = stepNamed(name).compile(options, { columns: state.columns, relation: quoteIdentifier(state.relation), references: quoted });
  const reserved = compiled.kind === 'rows' && compiled.columns.find((column) => column.name.startsWith(systemPrefix))?.name;
  if (reserved) throw new ConfigurationError(`compiling step ${ordinal} "${name}": names that start with "${systemPrefix}" are Millrace's own; call "${reserved}" something else`);
  return compiled;
}

const onErrorOf = ({ options }: NamedOptions): OnError => (options['on_error'] as OnError | undefined) ?? 'reject';
/** With `null` and `keep` a row goes on whatever its values are. */
const judges = (guards: readonly Guard[], onError: OnError): boolean => guards.length > 0 && (onError === 'reject' || onError === 'fail');
const namesOf = ({ columns }: ChainState): readonly string[] => columns.map(({ name }) => quoteIdentifier(name));

async function applyRows(request: ChainRequest, state: ChainState, { columns, guards, program, fetch, from }: Rows, spec: NamedOptions, step: string): Promise<void> {
  const { session, positions } = request;
  if (program) state.relation = await runProgram(session, state, program, step);
  if (fetch) state.relation = await runFetch(session, state, fetch, step);
  if (program || fetch) state.record = null;
  const onError = onErrorOf(spec);
  const projections = columns.map(({ name, sql }) => `${onError === 'keep' ? keptText(name, sql, guards) : sql} AS ${quoteIdentifier(name)}`);
  if (judges(guards, onError)) await addFates(session, state, { step, onError, ...workedOutOnce(state, columns, guards, projections, from) });
  else await createView(session, state, projections, positions, from);
  await describeInto(session, state, new Map(columns.filter(({ computed }) => !computed).map(({ name, sql }) => [name, sql])));
}

/** DuckDB works out an expression anew in each branch of a CASE; a value that its own guard asks for stands in a column of its own. */
function workedOutOnce(state: ChainState, columns: Rows['columns'], guards: readonly Guard[], projections: readonly string[], from?: string): Pick<FateRequest, 'guards' | 'projections' | 'from'> {
  const shared = columns.map(({ name, sql }, index) => ({ name, index, asked: `(${sql})`, sql, value: quoteIdentifier(`_millrace_v${index}`) })).filter(({ asked }) => guards.some(({ when }) => when.includes(asked)));
  if (from !== undefined || shared.length === 0) return { guards, projections, from };
  return {
    guards: guards.map((guard) => ({ ...guard, when: shared.reduce((when, { asked, value }) => when.replaceAll(asked, value), guard.when) })),
    projections: projections.map((projection, index) => { const one = shared.find((other) => other.index === index); return one ? `${one.value} AS ${quoteIdentifier(one.name)}` : projection; }),
    from: `(SELECT *, ${shared.map(({ sql, value }) => `${sql} AS ${value}`).join(', ')} FROM ${quoteIdentifier(state.relation)})`,
  };
}

/** `on_error: keep`: the column becomes text, and the value stays as it came. */
function keptText(output: string, sql: string, guards: readonly Guard[]): string {
  const own = guards.filter((guard) => guard.output === output);
  return own.length === 0 ? sql : `CASE WHEN ${own.map(({ when }) => `(${when})`).join(' OR ')} THEN CAST(${quoteIdentifier(own[0]!.column)} AS VARCHAR) ELSE CAST(${sql} AS VARCHAR) END`;
}

async function applyKeep({ session }: ChainRequest, state: ChainState, { condition, counts, guards = [] }: Keep, spec: NamedOptions, step: string): Promise<void> {
  const onError = onErrorOf(spec);
  const request: FateRequest = { step, onError, guards: judges(guards, onError) ? guards : [], projections: namesOf(state), keep: { condition, counts } };
  await addFates(session, state, request);
}

async function applyReshape(request: ChainRequest, state: ChainState, known: Known, compiled: Reshape, spec: NamedOptions, ordinal: number): Promise<void> {
  const { session } = request;
  const step = known.pop() as string;
  const { guards = [] } = compiled;
  let { select, measure } = compiled;
  let before: BalanceLine | null = null;
  if (judges(guards, onErrorOf(spec))) {
    await addFates(session, state, { step, onError: onErrorOf(spec), guards, projections: namesOf(state) });
    before = (await settle(session, state, request.rejects)).lines[0]!;
    ({ select, measure } = compile(state, spec, ordinal, request.references) as Reshape);
  }
  const measured = await session.row(measure);
  const received = await countOf(session, state.relation);
  const parts = compiled.grouping ? await partsFor(session, state, compiled.grouping, received, received - Number(measured['aggregated'])) : 1;
  if (parts > 1) select = await groupedInParts(session, state, compiled.grouping!, parts, (relation) => (compile({ ...state, relation }, spec, ordinal, request.references) as Reshape).select);
  const table = nextName(state);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS ${compiled.keepsPosition ? select : `SELECT *, row_number() OVER () - 1 AS ${quoteIdentifier(positionColumn)} FROM (${select})`}`);
  state.relation = table;
  state.reshaped ||= !compiled.keepsPosition;
  state.record = null;
  await describeInto(session, state, new Map(compiled.untouched.map((name) => [name, quoteIdentifier(name)])));
  const number = (name: string) => Number(measured[name]);
  known.push({
    step, in: before?.in ?? received, created: number('created'), out: await countOf(session, table),
    rejected: before?.rejected ?? 0, filtered: number('filtered'), deduplicated: number('deduplicated'), aggregated: number('aggregated'),
  });
}

const countOf = async (session: Session, relation: string): Promise<number> => Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(relation)}`))['n']);

async function createView(session: Session, state: ChainState, projections: readonly string[], positions: boolean, from = quoteIdentifier(state.relation)): Promise<void> {
  const view = nextName(state);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT ${[...projections, ...handedOn(state, positions)].join(', ')} FROM ${from}`);
  state.relation = view;
}

/** New column types, as DuckDB tells them; the source's own type stays only where the value does. */
async function describeInto(session: Session, state: ChainState, untouched: ReadonlyMap<string, string>): Promise<void> {
  const before = new Map(state.columns.map((column) => [quoteIdentifier(column.name), column]));
  const rows = await session.rows(`DESCRIBE SELECT * FROM ${quoteIdentifier(state.relation)}`);
  state.columns = rows.filter((row) => !row['column_name']!.startsWith(systemPrefix)).map((row) => {
    const name = row['column_name']!;
    const origin = before.get(untouched.get(name) ?? '');
    return origin ? { ...origin, name } : { name, type: row['column_type']!, nullable: true };
  });
}
