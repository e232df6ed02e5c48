import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Column } from '../../domain/column';
import { ConfigurationError } from '../../domain/errors';
import type { NamedOptions, StreamSpec } from '../../domain/pipeline';
import { holdsType } from '../../domain/type-change';
import { transcoded } from '../../formats/encoding';
import type { Format } from '../../formats/format';
import { withScratch } from '../../formats/records';
import { formatForFile } from '../../formats/registry';
import type { Session } from '../../transforms/duckdb-engine';

/** Rows looked at per file when types are inferred (semantics 4). */
const sampleRows = 100_000;

/** Gathers the columns of a stream file by file. Types are inferred once and kept with the checkpoint; a later file may only add columns. */
export function columnsSoFar(stream: StreamSpec, known: readonly Column[]) {
  const columns = new Map(known.map((column) => [column.name, column]));
  const pinned = new Set(columns.keys());
  const notes: string[] = [];
  return {
    /** @param file local, unpacked. */
    async add(session: Session, file: string, name: string): Promise<void> {
      const { format, options } = formatForFile(name, stream.sourceFormat);
      const resolved = format.resolve ? await format.resolve(file, options) : options;
      const encoding = (resolved as { readonly encoding?: string }).encoding;
      if (encoding !== undefined && encoding !== 'utf-8' && encoding !== options['encoding']) notes.push(`"${name}" is read as ${encoding}, as it looks; if that is wrong, set "encoding" of its format`);
      for (const column of await inferFile(session, format, file, resolved as NamedOptions['options'])) columns.set(column.name, merged(columns.get(column.name), column, pinned.has(column.name)));
    },
    /** What was found out and could be wrong. */
    notes: (): readonly string[] => notes,
    all(): readonly Column[] {
      const unknown = Object.keys(stream.types).find((name) => columns.size > 0 && !columns.has(name));
      if (unknown) throw new ConfigurationError(`planning stream "${stream.stream}": "types" names a column "${unknown}" that the files do not have: ${[...columns.keys()].join(', ')}`);
      return [...columns.values()].map((column) => ({ ...column, type: stream.types[column.name] ?? column.type }));
    },
  };
}

/** Text in another encoding is looked at as it will land: in UTF-8. */
async function inferFile(session: Session, format: Format, file: string, options: NamedOptions['options']): Promise<readonly Column[]> {
  const encoding = options['encoding'];
  if (format.convert || typeof encoding !== 'string' || encoding === 'utf-8') return await format.infer(session, file, options, sampleRows);
  return await withScratch(session, async (folder) => {
    const text = `${folder}/text`;
    await pipeline(transcoded(file, encoding), createWriteStream(text));
    return await format.infer(session, text, { ...options, encoding: 'utf-8', ...('compression' in options && { compression: 'none' }) }, sampleRows);
  });
}

const merged = (before: Column | undefined, now: Column, pinned: boolean): Column =>
  !before ? now : pinned || before.type === now.type ? before : { ...before, type: widest(before.type, now.type) };

const widest = (left: string, right: string): string => {
  if (holdsType({ type: left }, { type: right })) return left;
  if (holdsType({ type: right }, { type: left })) return right;
  const numbers = ['BIGINT', 'DOUBLE'];
  return numbers.includes(left) && numbers.includes(right) ? 'DOUBLE' : 'VARCHAR';
};
