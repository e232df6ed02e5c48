import type { Column } from '../domain/column';
import type { ContractRule } from '../domain/contract';
import { columnsUnder } from '../domain/contract-verdict';
import { nextName, type ChainState } from './chain-state';
import type { Session } from './duckdb-engine';
import { addFates, handedOn } from './fates';
import { fitsSql } from './fits';
import { quoteIdentifier } from './quote';
import type { Guard } from './step';

/** Name of its line in the balance. */
export const contractLine = 'contract';

type Misfit = 'none' | 'row' | 'value' | 'quarantine';

/**
 * Before the first step: columns become what the stream has delivered so far; rows and values that do not fit go as the contract says.
 * Returns the values that were left out while their rows went on, by column.
 */
export async function enforceContract(session: Session, state: ChainState, rules: readonly ContractRule[], positions: boolean): Promise<Readonly<Record<string, number>>> {
  const discarded = await countDiscarded(session, state, rules);
  const columns = columnsUnder(rules, state.columns);
  const projections = columns.map((column) => `${valueOf(rules, column)} AS ${quoteIdentifier(column.name)}`);
  const guards = rules.flatMap(guardOf);
  const left = rules.filter((rule) => misfitOf(rule) === 'row').map(badSql);
  if (guards.length > 0 || left.length > 0) {
    await addFates(session, state, { step: contractLine, onError: 'reject', guards, projections, ...(left.length > 0 && { keep: { condition: `NOT coalesce(${left.join(' OR ')}, false)`, counts: 'filtered' } }) });
  } else {
    const view = nextName(state);
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT ${[...projections, ...handedOn(state, positions)].join(', ')} FROM ${quoteIdentifier(state.relation)}`);
    state.relation = view;
  }
  state.columns = columns;
  return discarded;
}

export const rejectsRows = (rules: readonly ContractRule[]): boolean => rules.some((rule) => ['row', 'quarantine'].includes(misfitOf(rule)));

const misfitOf = (rule: ContractRule): Misfit => (rule.rule === 'keep_type' ? rule.misfit : rule.rule === 'leave_out' ? rule.value : 'none');

/** Rows whose value does not fit, or that have one where none may be. */
const badSql = (rule: ContractRule): string =>
  (rule.rule === 'keep_type' ? `NOT (${fitsSql(quoteIdentifier(rule.column.name), rule.from, rule.column)})` : `(${quoteIdentifier(nameOf(rule))} IS NOT NULL)`);

const nameOf = (rule: ContractRule): string => (rule.rule === 'leave_out' ? rule.column : rule.column.name);

function valueOf(rules: readonly ContractRule[], { name, type }: Column): string {
  const rule = rules.find((one) => nameOf(one) === name);
  if (rule === undefined) return quoteIdentifier(name);
  if (rule.rule === 'fill') return `CAST(NULL AS ${type})`;
  const cast = `TRY_CAST(${quoteIdentifier(name)} AS ${type})`;
  return misfitOf(rule) === 'none' ? cast : `CASE WHEN ${badSql(rule)} THEN NULL ELSE ${cast} END`;
}

function guardOf(rule: ContractRule): readonly Guard[] {
  if (misfitOf(rule) !== 'quarantine') return [];
  const name = nameOf(rule);
  const reason = rule.rule === 'keep_type' ? `does not fit ${rule.column.sourceType?.type ?? rule.column.type}, which the contract keeps` : 'is not among the columns of the contract';
  return [{ column: name, output: name, when: badSql(rule), reason }];
}

async function countDiscarded(session: Session, state: ChainState, rules: readonly ContractRule[]): Promise<Readonly<Record<string, number>>> {
  const discarding = rules.filter((rule) => misfitOf(rule) === 'value');
  if (discarding.length === 0) return {};
  const row = await session.row(`SELECT ${discarding.map((rule, index) => `count(*) FILTER (${badSql(rule)}) AS c${index}`).join(', ')} FROM ${quoteIdentifier(state.relation)}`);
  return Object.fromEntries(discarding.map((rule, index) => [nameOf(rule), Number(row[`c${index}`])]));
}
