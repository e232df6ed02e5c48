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

/** The loaded column that tells which of two versions of a key is newer; null: the stream names none. */
export function orderColumn({ stream, columns, names, target }: OrderInput): string | null {
  const wanted = stream.write === 'scd2' ? stream.cursor : stream.orderBy?.trim().split(/\s+/)[0] ?? stream.cursor;
  if (wanted === undefined || (stream.write !== 'merge' && stream.write !== 'scd2')) return null;
  const renamed = names[columns.findIndex(({ name }) => name === wanted)];
  const found = [wanted, renamed].find((name) => target.some((column) => column.name === name));
  if (found !== undefined) return found;
  throw new ConfigurationError(`planning stream "${stream.stream}": "${wanted}", which tells the newer of two versions, is not among the columns that are loaded: ${target.map(({ name }) => name).join(', ')}; keep it in the steps or name another one`, { stream: stream.stream });
}
