import type { Column } from './column';
import { ConfigurationError } from './errors';
import type { StreamSpec } from './pipeline';

interface OrderInput {
  readonly stream: StreamSpec;
  /** Of the source, with their names in the destination. */
  readonly columns: readonly Column[];
  readonly names: readonly string[];
  /** Columns after all steps. */
  readonly target: readonly Column[];
}

interface Order {
  /** Loaded column. */
  readonly column: string;
  /** Set where the steps drop it: it is carried past them and loaded under a name of its own. `from`: its name before the steps. */
  readonly carried: { readonly from: string; readonly column: Column } | null;
}

/** What tells which of two versions of a key is newer; null: the stream names nothing. */
function orderOf({ stream, columns, names, target }: OrderInput): Order | null {
  const wanted = stream.write === 'scd2' ? stream.cursor : stream.orderBy?.trim().split(/\s+/)[0] ?? stream.cursor;
  if (wanted === undefined || (stream.write !== 'merge' && stream.write !== 'scd2')) return null;
  const known = columns.map((column, index) => ({ ...column, renamed: names[index]! }));
  const source = known.find(({ name }) => name === wanted) ?? known.find(({ renamed }) => renamed === wanted);
  const loaded = [wanted, source?.renamed].find((name) => target.some((column) => column.name === name));
  if (loaded !== undefined) return { column: loaded, carried: null };
  if (!source) throw new ConfigurationError(`planning stream "${stream.stream}": there is no column "${wanted}", which is to tell the newer of two versions; columns: ${target.map(({ name }) => name).join(', ')}`, { stream: stream.stream });
  const { renamed, ...column } = source;
  return { column: orderName, carried: { from: renamed, column: { ...column, name: orderName } } };
}

/** The part of a plan that follows from it: columns that are loaded, and which of them tells the order. */
export function orderedTarget(input: OrderInput, wholeStream: boolean): { readonly target: readonly Column[]; readonly order?: string; readonly carries?: string } {
  const order = orderOf(input);
  if (order === null) return { target: input.target };
  if (order.carried === null) return { target: input.target, order: order.column };
  if (wholeStream) throw new ConfigurationError(`planning stream "${input.stream.stream}": its steps drop "${order.carried.from}", which tells the newer of two versions, and a step needs the whole stream, past which it is not carried; keep the column in the steps`, { stream: input.stream.stream });
  return { target: [...input.target, order.carried.column], order: order.column, carries: order.carried.from };
}

const orderName = '_millrace_order';

/** Ledger numbers of a run's batches, oldest first. Batches get their numbers as they arrive, so those of a run stand in source order already; a replay stands where its originals did. */
export function inSourceOrder(batches: readonly { readonly number: string; readonly original: string | null }[]): { readonly numbers: readonly string[]; readonly replays: boolean } {
  const replays = batches.some(({ original }) => original !== null);
  const age = ({ number, original }: (typeof batches)[number]): bigint => BigInt(original ?? number);
  const sorted = replays ? [...batches].sort((left, right) => (age(left) < age(right) ? -1 : age(left) > age(right) ? 1 : 0)) : batches;
  return { numbers: sorted.map(({ number }) => number), replays };
}

export const laterWrote = 'has been written by a later batch, and without "order_by" or "cursor" nothing tells which is newer';
