import path from 'node:path';
import { distance } from 'fastest-levenshtein';
import { ConfigurationError } from '../domain/errors';
import type { NamedOptions } from '../domain/pipeline';
import { copyCsv } from './copy-csv';
import { csv } from './csv';
import type { Format } from './format';
import { json } from './json';
import { jsonl } from './jsonl';
import { parquet } from './parquet';

/** Every format that a user may name, in one list. To add one: write its file and add a line here. */
export const formats: readonly Format[] = [csv, json, jsonl, parquet];

const byName: ReadonlyMap<string, Format> = new Map([...formats, copyCsv].map((format) => [format.name, format]));

export function formatNamed(name: string): Format {
  const found = byName.get(name);
  if (found) return found;
  const known = formats.map((format) => format.name);
  const nearest = [...known].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown format "${name}"; did you mean "${nearest}"? known formats: ${known.join(', ')}`);
}

/** The format a file's ending stands for, unless the stream names one; `.gz` and `.zst` are looked through. */
export function formatForFile(file: string, named?: NamedOptions): { readonly format: Format; readonly options: NamedOptions['options'] } {
  if (named) return { format: formatNamed(named.name), options: named.options };
  const ending = path.extname(file.replace(/\.(gz|zst)$/i, '')).slice(1).toLowerCase();
  const format = formats.find(({ extensions }) => extensions.includes(ending));
  if (!format) throw new ConfigurationError(`reading "${path.basename(file)}": its ending does not tell a format; add "format:" to the stream (${formats.map(({ name }) => name).join(', ')})`);
  return { format, options: {} };
}
