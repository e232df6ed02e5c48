import { SourceHeldError } from '../../domain/errors';
import type { FileRecord } from '../../domain/position';
import type { PlanRequest } from '../connector';
import type { FileEntry } from './place';

/** All files in full mode; else those not yet recorded, and changed ones as `changed_file` says. */
export function chooseFiles({ stream, files }: PlanRequest, found: readonly FileEntry[]): { readonly fresh: readonly FileEntry[]; readonly reloads: readonly string[] } {
  if (stream.mode === 'full') return { fresh: found, reloads: [] };
  const known = new Map(files.map((file) => [file.path, file]));
  const changed = found.filter((entry) => isOther(entry, known.get(entry.path)));
  const policy = stream.changedFile ?? (stream.write === 'append' ? 'fail' : 'reload');
  if (changed.length > 0 && policy === 'fail') throw new SourceHeldError(`planning stream "${stream.stream}": "${changed[0]!.path}" changed after it was loaded; set changed_file: reload to take its earlier rows away and load it again, follow to read what was appended, ignore, or load everything anew with mode: full`, { files: changed.slice(0, 100).map((entry) => entry.path) });
  const again = policy === 'reload' ? changed : [];
  return {
    fresh: [...found.filter((entry) => !known.has(entry.path)), ...again].sort(byPath),
    // History keeps its versions; what is new in the file becomes further ones.
    reloads: stream.write === 'scd2' ? [] : again.map((entry) => entry.path),
  };
}

const isOther = (entry: FileEntry, known: FileRecord | undefined): boolean => known !== undefined && (known.size !== entry.size || known.version !== entry.version);

export const byPath = (left: { readonly path: string }, right: { readonly path: string }): number => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0);
