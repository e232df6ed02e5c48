import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Column } from '../../domain/column';
import { ConfigurationError } from '../../domain/errors';
import type { NamedOptions, StreamSpec } from '../../domain/pipeline';
import { holdsType } from '../../domain/type-change';
import { transcoded } from '../../formats/encoding';
import type { Format } from '../../formats/format';
import { withScratch } from '../../formats/records';
import type { Session } from '../../transforms/duckdb-engine';
import { fitsSql } from '../../transforms/fits';
import { quoteIdentifier } from '../../transforms/quote';
import { unpackedFormat } from './unpacked-format';

/** Rows looked at per file when types are inferred (semantics 4). */
const sampleRows = 100_000;

/** Gathers the columns of a stream file by file. Types are inferred once and kept with the checkpoint; a later file may only add columns, unless the contract has a word for types. */
export function columnsSoFar(stream: StreamSpec, known: readonly Column[]) {
  const columns = new Map(known.map((column) => [column.name, column]));
  const pinned = new Set(columns.keys());
  const notes: string[] = [];
  const { types: word = null } = stream.contract ?? {};
  // Without the word, and with quarantine, what does not fit is set aside row by row as it is read.
  const judges = word !== null && word !== 'quarantine';
  return {
    /** @param file local, unpacked. */
    async add(session: Session, file: string, name: string): Promise<void> {
      const { format, options } = unpackedFormat(name, stream.sourceFormat);
      const resolved = format.resolve ? await format.resolve(file, options) : options;
      const encoding = (resolved as { readonly encoding?: string }).encoding;
      if (encoding !== undefined && encoding !== 'utf-8' && encoding !== options['encoding']) notes.push(`"${name}" is read as ${encoding}, as it looks; if that is wrong, set "encoding" of its format`);
      await inLandedForm(session, format, file, resolved as NamedOptions['options'], async (path, options) => {
        const found = await format.infer(session, path, options, sampleRows);
        const misfits = judges ? await misfitsIn(session, format, path, options, found, found.filter(({ name: column }) => pinned.has(column)).map((column) => ({ known: columns.get(column.name)!, now: column }))) : [];
        for (const column of found) columns.set(column.name, merged(columns.get(column.name), column, pinned.has(column.name) && !misfits.includes(column.name)));
      });
    },
    /** What the checkpoint keeps: a type that the contract does not let pass stays what it was, so that the next file is held to it too. */
    remembered(found: readonly Column[]): readonly Column[] {
      const passes = word === null || word === 'evolve' || word === 'approve' || word === 'quarantine';
      const before = new Map(known.map((column) => [column.name, column]));
      return passes ? found : found.map((column) => before.get(column.name) ?? column);
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
async function inLandedForm(session: Session, format: Format, file: string, options: NamedOptions['options'], look: (file: string, options: NamedOptions['options']) => Promise<void>): Promise<void> {
  const encoding = options['encoding'];
  if (format.convert || typeof encoding !== 'string' || encoding === 'utf-8') return look(file, options);
  await withScratch(session, async (folder) => {
    const text = `${folder}/text`;
    await pipeline(transcoded(file, encoding), createWriteStream(text));
    await look(text, { ...options, encoding: 'utf-8', ...('compression' in options && { compression: 'none' }) });
  });
}

/**
 * Columns with a value, among those looked at, that their known type cannot hold. An empty column speaks for text and fits all the same.
 * What converts before it is read is not judged: a value that does not fit goes to quarantine.
 */
async function misfitsIn(session: Session, format: Format, path: string, options: NamedOptions['options'], columns: readonly Column[], pairs: readonly { readonly known: Column; readonly now: Column }[]): Promise<readonly string[]> {
  const doubtful = pairs.filter(({ known, now }) => !holdsType(known, now));
  if (doubtful.length === 0 || format.convert) return [];
  const relation = `judged_${counter++}`;
  await format.read(session, options, { path, columns, relation, ordinals: false, careful: true, rejects: `${relation}_rejects` });
  const row = await session.row(`SELECT ${doubtful.map(({ known, now }, index) => `coalesce(bool_and(${fitsSql(quoteIdentifier(now.name), now, known)}), true) AS c${index}`).join(', ')} FROM (SELECT * FROM ${quoteIdentifier(relation)} LIMIT ${sampleRows})`);
  return doubtful.filter((_pair, index) => row[`c${index}`] !== 'true').map(({ now }) => now.name);
}
let counter = 0;

const merged = (before: Column | undefined, now: Column, pinned: boolean): Column =>
  !before ? now : pinned || before.type === now.type ? before : { ...before, type: widest(before.type, now.type) };

const widest = (left: string, right: string): string => {
  if (holdsType({ type: left }, { type: right })) return left;
  if (holdsType({ type: right }, { type: left })) return right;
  const numbers = ['BIGINT', 'DOUBLE'];
  return numbers.includes(left) && numbers.includes(right) ? 'DOUBLE' : 'VARCHAR';
};
