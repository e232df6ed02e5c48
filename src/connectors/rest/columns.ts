import type { Column } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { RestStream } from './config';

/** Those that the connection names, else null. */
export function declaredColumns({ columns, parent }: RestStream): readonly Column[] | null {
  if (!columns) return null;
  const all = parent?.as === undefined || parent.as in columns ? columns : { ...columns, [parent.as]: 'VARCHAR' };
  return Object.entries(all).map(([name, type]) => ({ name, type, nullable: true }));
}

/** Columns of earlier runs keep their types and places; new ones come after them. */
export function mergedColumns(known: readonly Column[], seen: readonly Column[]): readonly Column[] {
  const names = new Set(known.map(({ name }) => name));
  return [...known, ...seen.filter(({ name }) => !names.has(name))];
}

export function typedColumns({ stream, types, cursor, mode }: StreamSpec, columns: readonly Column[]): readonly Column[] {
  const names = columns.map(({ name }) => name);
  const missing = Object.keys(types).find((name) => !names.includes(name));
  if (missing !== undefined) throw new ConfigurationError(`planning stream "${stream}": "types" names a column "${missing}" that the records do not have: ${names.join(', ')}`);
  if (mode === 'incremental' && !names.includes(cursor!)) throw new ConfigurationError(`planning stream "${stream}": the records have no "${cursor}", which is "cursor"; they have: ${names.join(', ')}`);
  return columns.map((column) => ({ ...column, type: types[column.name] ?? column.type }));
}

/** A member that no column takes would be lost without a word. */
export function refuseUnknown(stream: string, origin: string, planned: readonly Column[], seen: readonly Column[]): void {
  const names = new Set(planned.map(({ name }) => name));
  const unknown = seen.map(({ name }) => name).filter((name) => !names.has(name));
  if (unknown.length === 0) return;
  throw new SourceHeldError(`reading "${stream}": ${origin} has ${unknown.map((name) => `"${name}"`).join(', ')}, which the first page did not show; name the columns to read in "columns" of the stream in its connection, then "millrace resume RUN" (new ones are read by the next run)`, { columns: unknown });
}
