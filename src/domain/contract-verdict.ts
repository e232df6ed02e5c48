import type { Column } from './column';
import { diffText, driftText, wordFor, type Contract, type ContractRule, type Drift, type Known, type KnownColumn } from './contract';
import { isJudgeable } from './type-change';

/** What a contract makes of the differences found. */
export interface Verdict {
  /** Differences that end the run, before anything is written. */
  readonly refused: readonly Drift[];
  /** Differences that a person must let pass before anything is loaded. */
  readonly asked: readonly Drift[];
  readonly rules: readonly ContractRule[];
  /** Columns that the target may widen. */
  readonly widens: readonly string[];
}

const none: Verdict = { refused: [], asked: [], rules: [], widens: [] };

export function verdictOf(contract: Contract, known: Known, now: readonly Column[], drift: readonly Drift[]): Verdict {
  const columns = new Map(known.columns.map((column) => [column.name, column]));
  const found = new Map(now.map((column) => [column.name, column]));
  const parts = drift.map((one) => judge(contract, one, columns.get(one.column), found.get(one.column)));
  // A type that was let pass before and fits what the stream delivers goes on being read as that.
  const kept = known.columns.filter((column) => column.seen !== undefined && found.has(column.name) && !drift.some((one) => one.column === column.name))
    .map((column): ContractRule => ({ rule: 'keep_type', column: plain(column), from: found.get(column.name)!, misfit: 'none' }));
  return parts.reduce((sum, part) => ({
    refused: [...sum.refused, ...part.refused], asked: [...sum.asked, ...part.asked], rules: [...sum.rules, ...part.rules], widens: [...sum.widens, ...part.widens],
  }), { ...none, rules: kept });
}

function judge(contract: Contract, drift: Drift, known: KnownColumn | undefined, now: Column | undefined): Verdict {
  const word = wordFor(contract, drift);
  if (word === null) return none;
  if (word === 'freeze') return { ...none, refused: [drift] };
  const asked = word === 'approve' ? [drift] : [];
  const judges = word !== 'evolve' && word !== 'approve';
  if (judges && (drift.kind === 'widened' || drift.kind === 'changed') && !isJudgeable(known!)) return { ...none, refused: [drift] };
  switch (drift.kind) {
    case 'new':
      if (word === 'evolve' || word === 'approve') return { ...none, asked };
      return { ...none, rules: [{ rule: 'leave_out', column: drift.column, value: misfitOf(word) }] };
    case 'missing':
      if (word === 'evolve' || word === 'approve') return { ...none, asked };
      // It is missing in every row: to set all of them aside is no answer.
      return word === 'discard_value' ? { ...none, rules: [{ rule: 'fill', column: plain(known!) }] } : { ...none, refused: [drift] };
    case 'narrowed':
      return { ...none, asked, rules: [{ rule: 'keep_type', column: plain(known!), from: now!, misfit: 'none' }] };
    case 'widened':
      if (word === 'evolve' || word === 'approve') return { ...none, asked, widens: [drift.column] };
      return { ...none, rules: [{ rule: 'keep_type', column: plain(known!), from: now!, misfit: misfitOf(word) }] };
    case 'changed':
      if (word === 'evolve') return { ...none, refused: [drift] };
      if (word === 'approve') return { ...none, asked };
      return { ...none, rules: [{ rule: 'keep_type', column: plain(known!), from: now!, misfit: misfitOf(word) }] };
  }
}

const misfitOf = (word: 'discard_row' | 'discard_value' | 'quarantine'): 'row' | 'value' | 'quarantine' =>
  (word === 'discard_row' ? 'row' : word === 'discard_value' ? 'value' : 'quarantine');

const plain = ({ seen: _seen, ...column }: KnownColumn): Column => column;

/** Columns as the first step receives them. */
export function columnsUnder(rules: readonly ContractRule[], columns: readonly Column[]): readonly Column[] {
  const kept = columns.filter(({ name }) => !rules.some((rule) => rule.rule === 'leave_out' && rule.column === name));
  const typed = kept.map((column) => rules.find((rule) => rule.rule === 'keep_type' && rule.column.name === column.name)?.column as Column | undefined ?? column);
  return [...typed, ...rules.flatMap((rule) => (rule.rule === 'fill' ? [rule.column] : []))];
}

/** What the checkpoint shall know once this run is published. */
export function knownAfter(contract: Contract, rules: readonly ContractRule[], now: readonly Column[], drift: readonly Drift[], target: readonly Column[]): Known {
  const found = new Map(now.map((column) => [column.name, column]));
  const passed = (name: string): boolean => {
    const one = drift.find(({ column }) => column === name);
    const word = one === undefined ? 'evolve' : wordFor(contract, one);
    return word === 'evolve' || word === 'approve' || word === null;
  };
  const columns = columnsUnder(rules, now).map((column): KnownColumn => {
    const source = found.get(column.name);
    const differs = source !== undefined && (source.type !== column.type || source.sourceType?.type !== column.sourceType?.type);
    return differs && passed(column.name) ? { ...column, seen: { type: source.type, ...(source.sourceType && { sourceType: source.sourceType }) } } : column;
  });
  return { columns, target: Object.fromEntries(target.map(({ name, type }) => [name, type])) };
}

/** Why a run ends here, and what a person can do. */
export function refusalText(stream: string, contract: Contract, drift: readonly Drift[], refused: readonly Drift[]): string {
  const words = [...new Set(refused.map((one) => `${one.kind === 'new' || one.kind === 'missing' ? 'columns' : 'types'}: ${wordFor(contract, one)}`))].join(', ');
  return `planning stream "${stream}": its source is no longer what was loaded last, and the contract (${words}) does not let that pass: ${diffText(drift)}; nothing was written. Put the source back, or adapt the steps, or set the contract to "approve" or another word that lets it pass, and run it again`;
}

/** One line for the whole, then one for each difference. */
export const approvalText = (pipeline: string, stream: string, asked: readonly Drift[]): string =>
  `stream "${stream}" has other columns than last time. Its rows are read and staged, nothing is loaded: "millrace approve ${pipeline} ${stream}" loads them so, "millrace reject ${pipeline} ${stream}" ends the stream and leaves the target as it is` +
  asked.map((drift) => `\n${driftText(drift)}${drift.renamed ? ', reject this and run it again' : ''}; ${onceApproved[drift.kind]}`).join('');

const onceApproved: Readonly<Record<Drift['kind'], string>> = {
  new: 'approved, it is added to the target',
  missing: 'approved, it stays in the target and is NULL in new rows',
  widened: "approved, the target's column is widened",
  narrowed: "approved, the target's column stays as wide as it is",
  changed: "approved, the run is held until the target's column can hold it",
};
