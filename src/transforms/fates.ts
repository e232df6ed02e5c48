import { emptyLine, type BalanceLine } from '../domain/balance';
import { positionColumn } from '../domain/column';
import { CheckBlockedError, UnreadableValueError } from '../domain/errors';
import type { OnError } from '../domain/pipeline';
import { nextName, type ChainState, type PendingStep } from './chain-state';
import { asideSql, asidesOf, mostAsides } from './asides';
import type { Session } from './duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import type { Guard } from './step';

/**
 * Steps that set rows aside or leave rows out do not each write a table: their views hand on a column that says what became of
 * a row, NULL while it goes on, and one table is written and counted for a whole run of steps ("settled"). Later steps see rows
 * that have met their fate too; that costs a little work and changes nothing, since steps give NULL, never an error, and a fate
 * stays. A step that looks at other rows is preceded by a settlement.
 */
const fate = quoteIdentifier('_millrace_fate');
const record = quoteIdentifier('_millrace_record');

/** Fates are told apart by a letter; with so many steps in a row there is a settlement in between. */
export const mostPending = 25;
const letter = (index: number): string => String.fromCharCode(65 + index);
const between = '\u001e';
/** Between the parts of a text that is set aside; none has it in itself, since JSON writes it otherwise. */
const parting = '\u001d';

export interface FateRequest {
  readonly step: string;
  readonly onError: OnError;
  readonly guards: readonly Guard[];
  /** Output columns; SQL over the step's input. */
  readonly projections: readonly string[];
  /** FROM clause instead of the relation (see Rows). */
  readonly from?: string | undefined;
  /** Rows for which this is not true are left out. */
  readonly keep?: { readonly condition: string; readonly counts: 'filtered' | 'deduplicated' };
}

/** One more view: the step's output columns, the position, and what became of the row. */
export async function addFates(session: Session, state: ChainState, request: FateRequest): Promise<void> {
  const index = state.pending.length * 2;
  const step: PendingStep = { step: request.step, onError: request.onError, guards: request.guards, counts: request.keep?.counts ?? null, rejected: letter(index), left: letter(index + 1) };
  const cases = [
    ...(request.guards.length > 0 ? [`WHEN ${request.guards.map(({ when }) => `(${when})`).join(' OR ')} THEN ${rejectText(state, step)}`] : []),
    ...(request.keep ? [`WHEN (${request.keep.condition}) IS NOT TRUE THEN ${quoteLiteral(step.left)}`] : []),
  ];
  const view = nextName(state);
  // The fate so far is named once: DuckDB may put views into one another, and each further mention would double the work per step.
  const own = `CASE ${cases.join(' ')} END`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT ${[...request.projections, quoteIdentifier(positionColumn), ...recordOf(state)].join(', ')}, ${state.pending.length > 0 ? `coalesce(${fate}, ${own})` : own} AS ${fate} FROM ${request.from ?? quoteIdentifier(state.relation)}`);
  state.relation = view;
  state.pending.push(step);
}

/** Columns that a view must hand on besides the step's own. */
export const handedOn = (state: ChainState, positions: boolean): readonly string[] => [...(positions ? [quoteIdentifier(positionColumn)] : []), ...recordOf(state), ...(state.pending.length > 0 ? [fate] : [])];

const recordOf = (state: ChainState): readonly string[] => (state.record === null ? [] : [record]);

/** Has the rows carry themselves along, as they are now: a struct, which costs nothing until it is asked. */
export async function carryRecord(session: Session, state: ChainState): Promise<void> {
  const view = nextName(state);
  const fields = state.columns.map(({ name }) => `${quoteIdentifier(name)} := ${quoteIdentifier(name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT *, struct_pack(${fields.join(', ')}) AS ${record} FROM ${quoteIdentifier(state.relation)}`);
  state.relation = view;
  state.record = state.columns.map(({ name }) => name);
}

/** All reasons of a row, and the record itself where the position does not lead back to one; worked out for rejected rows only. */
function rejectText(state: ChainState, { rejected, guards }: PendingStep): string {
  // Two rules that say the same of a row (a key and its not_null) are one reason.
  const rules = new Map<string, string[]>();
  for (const guard of guards) rules.set(reasonText(guard), [...rules.get(reasonText(guard)) ?? [], guard.when]);
  const reasons = [...rules].map(([text, conditions]) => `CASE WHEN ${conditions.map((when) => `(${when})`).join(' OR ')} THEN ${text} END`);
  const failed = failedChecks(guards);
  const own = state.reshaped ? ` || ${quoteLiteral(between)} || ${recordText(state.columns.map(({ name }) => name))}` : failed === '' ? '' : ` || ${quoteLiteral(between)}`;
  return `${quoteLiteral(rejected)} || '[' || array_to_string(list_filter([${reasons.join(', ')}], lambda reason: reason IS NOT NULL), ',') || ']'${own}${failed}`;
}

/** Which checks set the row aside: two may say the same of different rows. */
function failedChecks(guards: readonly Guard[]): string {
  const checks = new Map<number, string[]>();
  for (const { check, when } of guards) if (check !== undefined) checks.set(check, [...checks.get(check) ?? [], when]);
  const failed = [...checks].map(([check, conditions]) => `CASE WHEN ${conditions.map((when) => `(${when})`).join(' OR ')} THEN '${check}' END`);
  return failed.length === 0 ? '' : ` || ${quoteLiteral(between)} || array_to_string(list_filter([${failed.join(', ')}], lambda check_index: check_index IS NOT NULL), ',')`;
}

const reasonText = ({ column, reason, reasonSql }: Guard): string => reasonSql
  ? `CAST(json_object('column', ${quoteLiteral(column)}, 'reason', coalesce(${reasonSql}, ${quoteLiteral(reason)})) AS VARCHAR)`
  : quoteLiteral(JSON.stringify({ column, reason }));

const recordText = (columns: readonly string[], of: (name: string) => string = (name) => name): string =>
  `CAST(json_object(${columns.map((name) => `${quoteLiteral(name)}, CAST(${of(quoteIdentifier(name))} AS VARCHAR)`).join(', ')}) AS VARCHAR)`;

export interface Settled {
  readonly lines: readonly BalanceLine[];
  /** Rows that go on and meet each of the conditions asked for. */
  readonly counted: readonly number[];
}

/** What rows met as they were read; how many went in and came out is known once the reader has counted them. */
export type PassedLine = Pick<BalanceLine, 'step' | 'rejected'> & Partial<Pick<BalanceLine, 'filtered' | 'deduplicated'>>;
export interface Passed {
  readonly lines: readonly PassedLine[];
  readonly counted: readonly number[];
}

/** Writes the rows once, counts every fate, moves rejects to their table and goes on with the rest. Each count is one of its own. */
export async function settle(session: Session, state: ChainState, rejects: string, conditions: readonly string[] = []): Promise<Settled> {
  const pending = state.pending.splice(0);
  const table = nextName(state);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS SELECT ${state.record === null ? '*' : `* EXCLUDE (${record})`} FROM ${quoteIdentifier(state.relation)}`);
  state.record = null;
  const row = await session.row(`SELECT ${[...pending.flatMap(counts), ...conditions.map((when, index) => `count(*) FILTER (${fate} IS NULL AND (${when})) AS c${index}`)].join(', ')} FROM ${quoteIdentifier(table)}`);
  const number = (name: string): number => Number(row[name]);
  const lines: BalanceLine[] = [];
  for (const [index, step] of pending.entries()) {
    if (number(`bad${index}`) > 0 && step.onError === 'fail') throw failed(step, number(`bad${index}`));
    const rejected = number(`bad${index}`) > 0 ? await session.changed(rejectsOf(table, step, rejects)) : 0;
    lines.push({ ...emptyLine(step.step), in: number(`in${index}`), out: number(`out${index}`), rejected, ...(step.counts && { [step.counts]: number(`left${index}`) }) });
  }
  state.relation = `${table}_on`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(state.relation)} AS SELECT ${quoteList([...state.columns.map(({ name }) => name), positionColumn])} FROM ${quoteIdentifier(table)} WHERE ${fate} IS NULL`);
  return { lines, counted: conditions.map((_, index) => number(`c${index}`)) };
}

/**
 * The same without a table, for a relation that is read once: a row that meets its fate is counted by a sequence in the condition that leaves it out, as
 * the rows pass. The rest is a sum of such counts, and the source's count stands against all of them. Rejects, mostly few, are set aside there as well; where
 * they are too many for that they are looked for in a second pass, which works out what they depend on and nothing else.
 */
export async function settleWhileRead(session: Session, state: ChainState, rejects: string, conditions: readonly string[], positions: boolean): Promise<() => Promise<Passed>> {
  const pending = state.pending.splice(0);
  const from = state.relation;
  const sequence = `${nextName(state)}_`;
  const letters = pending.flatMap(({ rejected, left }) => [rejected, left]);
  for (const ticket of [...letters.map(ticketOf), ...conditions.map((_when, index) => `c${index}`)]) await session.run(`CREATE TEMP SEQUENCE ${quoteIdentifier(sequence + ticket)}`);
  const ticket = (of: string): string => `nextval(${quoteLiteral(sequence + of)})`;
  const passing = conditions.map((when, index) => `CASE WHEN ${when} THEN ${ticket(`c${index}`)} > 0 ELSE true END`).join(' AND ') || 'true';
  const aside = positions && pending.some(({ guards }) => guards.length > 0) && session.asides() ? asideSql(sequence, asideText(state)) : 'false';
  const leaving = pending.flatMap(({ rejected, left }) => [
    `WHEN ${quoteLiteral(rejected)} THEN CASE WHEN ${ticket(ticketOf(rejected))} <= ${mostAsides} THEN ${aside} ELSE false END`,
    `WHEN ${quoteLiteral(left)} THEN NOT ${ticket(ticketOf(left))} > 0`,
  ]).join(' ');
  state.relation = `${sequence}on`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(state.relation)} AS SELECT ${quoteList([...state.columns.map(({ name }) => name), ...(positions ? [positionColumn] : [])])} FROM ${quoteIdentifier(from)} ` +
    `WHERE ${leaving === '' ? passing : `CASE WHEN ${fate} IS NULL THEN ${passing} ELSE CASE left(${fate}, 1) ${leaving} END END`}`);
  return async () => {
    const taken = await taker(session, sequence);
    const lines = pending.map(({ step, counts, rejected, left }) => ({ step, rejected: taken(ticketOf(rejected)), ...(counts && { [counts]: taken(ticketOf(left)) }) }));
    const rejecting = pending.map((step) => ({ ...step, rows: taken(ticketOf(step.rejected)) })).filter(({ rows }) => rows > 0);
    for (const step of rejecting) if (step.onError === 'fail') throw failed(step, step.rows);
    if (rejecting.length > 0) await setAside(session, { aside: aside === 'false' ? null : sequence, from }, rejecting, rejects);
    return { lines, counted: conditions.map((_when, index) => taken(`c${index}`)) };
  };
}

/** Position, fate, and the record, where the row has it still. */
const asideText = ({ record: columns }: ChainState): string =>
  [quoteIdentifier(positionColumn), fate, ...(columns === null ? [] : [recordText(columns, (name) => `${record}.${name}`)])].join(` || ${quoteLiteral(parting)} || `);

/** DuckDB's names do not tell A from a. */
const ticketOf = (one: string): string => `f${one.charCodeAt(0)}`;

/** How often a sequence whose name begins so was asked. */
async function taker(session: Session, sequence: string): Promise<(ticket: string) => number> {
  const rows = await session.rows(`SELECT sequence_name AS name, last_value AS n FROM duckdb_sequences() WHERE starts_with(sequence_name, ${quoteLiteral(sequence)})`);
  const counts = new Map(rows.map(({ name, n }) => [name!, Number(n ?? 0)]));
  return (ticket) => counts.get(sequence + ticket)!;
}

/** What was set aside as the rows passed, if that is all; else the rows are asked again. */
async function setAside(session: Session, { aside, from }: { readonly aside: string | null; readonly from: string }, steps: readonly (PendingStep & { readonly rows: number })[], rejects: string): Promise<void> {
  const rows = steps.reduce((sum, step) => sum + step.rows, 0);
  const part = (index: number): string => `split_part(message, ${quoteLiteral(parting)}, ${index})`;
  const asides = aside === null ? null : `(SELECT CAST(${part(1)} AS BIGINT) AS ${quoteIdentifier(positionColumn)}, ${part(2)} AS ${fate}, nullif(${part(3)}, '') AS record FROM ${asidesOf(aside)})`;
  if (asides !== null && Number((await session.row(`SELECT count(*) AS n FROM ${asides}`))['n']) === rows) return session.run(rejectsIn(asides, steps, rejects, 'record'));
  const found = await session.changed(rejectsIn(quoteIdentifier(from), steps, rejects));
  if (found !== rows) throw new UnreadableValueError(`running steps ${steps.map(({ step }) => `"${step}"`).join(', ')}: ${rows} rows were rejected, and ${found} when they were asked again; they are read again with care`);
}

const counts = ({ rejected, left }: PendingStep, index: number): readonly string[] => [
  `count(*) FILTER (${fate} IS NULL OR ${fate} >= ${quoteLiteral(rejected)}) AS in${index}`,
  `count(*) FILTER (starts_with(${fate}, ${quoteLiteral(rejected)})) AS bad${index}`,
  `count(*) FILTER (${fate} = ${quoteLiteral(left)}) AS left${index}`,
  `count(*) FILTER (${fate} IS NULL OR ${fate} > ${quoteLiteral(left)}) AS out${index}`,
];

const failed = ({ step, guards }: PendingStep, rows: number): CheckBlockedError =>
  new CheckBlockedError(`running step "${step}": ${rows} rows cannot be processed (${guards.map(({ column, reason }) => `"${column}" ${reason}`).join('; ')}) and on_error is fail; mend the rows or use on_error: reject`, { step, rows });

const rejectsOf = (table: string, { step, rejected }: PendingStep, rejects: string): string => rejectsIn(quoteIdentifier(table), [{ step, rejected }], rejects);

/** One look at the rows for all of these steps. */
const rejectsIn = (from: string, steps: readonly Pick<PendingStep, 'step' | 'rejected'>[], rejects: string, own = 'NULL'): string =>
  `INSERT INTO ${quoteIdentifier(rejects)} SELECT ${quoteIdentifier(positionColumn)}, CASE left(${fate}, 1) ${steps.map(({ step, rejected }) => `WHEN ${quoteLiteral(rejected)} THEN ${quoteLiteral(step)}`).join(' ')} END, ` +
  `split_part(${fate}, ${quoteLiteral(between)}, 1)[2:], nullif(split_part(${fate}, ${quoteLiteral(between)}, 2), ''), nullif(split_part(${fate}, ${quoteLiteral(between)}, 3), ''), ${own} FROM ${from} WHERE left(${fate}, 1) IN (${steps.map(({ rejected }) => quoteLiteral(rejected)).join(', ')})`;
