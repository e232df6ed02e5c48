import path from 'node:path';
import { distance } from 'fastest-levenshtein';
import { ConfigurationError } from '../domain/errors';
import type { NamedOptions } from '../domain/pipeline';
import { avro } from './avro';
import { landedRecords } from './converted';
import { copyCsv } from './copy-csv';
import { csv } from './csv';
import { excel } from './excel';
import { fixedWidth } from './fixed-width';
import type { Format } from './format';
import { grok } from './grok';
import { json } from './json';
import { jsonl } from './jsonl';
import { bareName } from './layers';
import { lines } from './lines';
import { logfmt } from './logfmt';
import { parquet } from './parquet';
import { quarantined } from './quarantined';
import { xml } from './xml';

/** Every format that a user may name, in one list. To add one: write its file and add a line here. */
export const formats: readonly Format[] = [csv, fixedWidth, json, jsonl, xml, excel, avro, parquet, lines, grok, logfmt];

const byName: ReadonlyMap<string, Format> = new Map([...formats, copyCsv, landedRecords, quarantined].map((format) => [format.name, format]));

export function formatNamed(name: string): Format {
  const found = byName.get(name);
  if (found) return found;
  const known = formats.map((format) => format.name);
  const nearest = [...known].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown format "${name}"; did you mean "${nearest}"? known formats: ${known.join(', ')}`);
}

/** The format a file's ending stands for; endings of compressions are looked through. */
export function formatByEnding(file: string): Format | null {
  const ending = path.extname(bareName(file)).slice(1).toLowerCase();
  return formats.find(({ extensions }) => extensions.includes(ending)) ?? null;
}

/** The format that the stream names, else the one by the file's ending. */
export function formatForFile(file: string, named?: NamedOptions): { readonly format: Format; readonly options: NamedOptions['options'] } {
  if (named) return { format: formatNamed(named.name), options: named.options };
  const format = formatByEnding(file);
  if (!format) throw new ConfigurationError(`reading "${path.basename(file)}": its ending does not tell a format; add "format:" to the stream (${formats.map(({ name }) => name).join(', ')})`);
  return { format, options: {} };
}
