import type { Column } from './column';
import { holdsType, sameType, typeWords } from './type-change';

export const contractWords = ['evolve', 'freeze', 'discard_row', 'discard_value', 'quarantine', 'approve'] as const;
export type ContractWord = (typeof contractWords)[number];

/** What a stream allows its source to change. `types: null`: nothing is widened, and a target that cannot hold a value holds the run. */
export interface Contract {
  readonly columns: ContractWord;
  readonly types: ContractWord | null;
}

type Typed = Pick<Column, 'type' | 'sourceType'>;

/** A column as the stream has delivered it since it was last published. */
export interface KnownColumn extends Column {
  /** The source's type as last seen, where it was let pass and differs. */
  readonly seen?: Typed;
}

/** What the checkpoint remembers of a stream's columns: what the next run is compared with. */
export interface Known {
  /** Before the steps, under their names inside Millrace. */
  readonly columns: readonly KnownColumn[];
  /** After the steps: name → type. */
  readonly target: Readonly<Record<string, string>>;
}

export const driftKinds = ['new', 'missing', 'widened', 'narrowed', 'changed'] as const;
export type DriftKind = (typeof driftKinds)[number];

/** One difference between what is known of a stream and what its source has now. */
export interface Drift {
  readonly kind: DriftKind;
  readonly column: string;
  /** Type as people write it; null: there was none. */
  readonly before: string | null;
  readonly now: string | null;
  /** Of a missing column: the new one that it may be called now. */
  readonly renamed?: Rename;
}

export interface Rename {
  readonly to: string;
  /** Why, for people: `same type, name 80 % alike, 96 % of the sampled values alike`. */
  readonly because: string;
}

/** What a batch does to a column before the first step. */
export type ContractRule =
  /** The column becomes the known one; `misfit`: what becomes of a value that does not fit. `none`: every value fits. */
  | { readonly rule: 'keep_type'; readonly column: Column; readonly from: Typed; readonly misfit: 'none' | 'row' | 'value' | 'quarantine' }
  /** The column goes; `value`: what becomes of a row that has one. */
  | { readonly rule: 'leave_out'; readonly column: string; readonly value: 'row' | 'value' | 'quarantine' }
  /** A column that is gone is NULL. */
  | { readonly rule: 'fill'; readonly column: Column };

/** Differences in the order of columns: what was known first, then what is new. */
export function driftOf({ columns }: Known, now: readonly Column[]): readonly Drift[] {
  const there = new Map(now.map((column) => [column.name, column]));
  const before = columns.flatMap((known): Drift[] => {
    const column = there.get(known.name);
    const last = known.seen ?? known;
    if (!column) return [{ kind: 'missing', column: known.name, before: typeWords(last), now: null }];
    return sameType(last, column) ? [] : [{ kind: kindOf(last, column), column: known.name, before: typeWords(last), now: typeWords(column) }];
  });
  const names = new Set(columns.map(({ name }) => name));
  return [...before, ...now.filter(({ name }) => !names.has(name)).map((column): Drift => ({ kind: 'new', column: column.name, before: null, now: typeWords(column) }))];
}

const kindOf = (before: Typed, now: Typed): DriftKind => (holdsType(now, before) ? 'widened' : holdsType(before, now) ? 'narrowed' : 'changed');

/** Differences that reach the target: what steps drop, rename or give a type of their own stays as it was there. */
export const reaching = (drift: readonly Drift[], known: Known, target: readonly Column[]): readonly Drift[] => {
  const now = new Map(target.map((column) => [column.name, column.type]));
  return drift.filter(({ kind, column }) => {
    if (kind === 'new') return now.has(column) && !(column in known.target);
    if (kind === 'missing') return column in known.target && !now.has(column);
    return !(column in known.target) || now.get(column) !== known.target[column] || !isPlain(known, column, target);
  });
};

/** A type that DuckDB has no equal for changes without the staged type doing so. */
const isPlain = ({ columns }: Known, name: string, target: readonly Column[]): boolean =>
  columns.find((column) => column.name === name)?.sourceType === undefined && target.find((column) => column.name === name)?.sourceType === undefined;

/** What a contract says to one difference. */
export const wordFor = ({ columns, types }: Contract, { kind }: Drift): ContractWord | null => (kind === 'new' || kind === 'missing' ? columns : types);

/** `new column "discount" numeric(8,2)`: one line of the diff. */
export function driftText({ kind, column, before, now, renamed }: Drift): string {
  switch (kind) {
    case 'new': return `+ "${column}" ${now} is new`;
    case 'missing': return `- "${column}" ${before} is missing${renamed ? `; it may be "${renamed.to}" now (${renamed.because}): if so, put "rename: { columns: { ${renamed.to}: ${column} } }" first among the steps` : ''}`;
    case 'widened': return `~ "${column}" was ${before}, is ${now} (wider)`;
    case 'narrowed': return `~ "${column}" was ${before}, is ${now} (narrower)`;
    case 'changed': return `~ "${column}" was ${before}, is ${now} (another kind)`;
  }
}

export const diffText = (drift: readonly Drift[]): string => drift.map(driftText).join('; ');
