import { z } from 'zod';
import type { Column } from '../domain/column';
import { SourceHeldError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteLiteral } from '../transforms/quote';
import { compressionOf, compressions, openBytes } from './bytes';
import { csvRule } from './csv-rule';
import { fitOf } from './fits';
import { defineFormat, type ReadRequest } from './format';
import { talliedType, tallies } from './infer';
import { countRecords, readRecords, scratchFile, withScratch, type RecordRules, type RecordSource } from './records';
import { scanRecords, type ScannedRecord } from './scan';
import { never, readBuffer } from './sql';
import { csvLine, openTextFile } from './text-file';

const character = z.string().regex(/^[\x01-\x7f]$/, 'write one ASCII character');
const optionsSchema = z.strictObject({
  delimiter: character.default(',').describe('What parts the values'),
  quote: character.or(z.literal('')).default('"').describe('What surrounds values that hold a delimiter or a line break; empty: nothing does'),
  escape: character.or(z.literal('')).default('"').describe('What stands before a quote inside quotes'),
  header: z.boolean().default(true).describe('Whether the first record names the columns; without it they are column0, column1, …'),
  nulls: z.array(z.string()).default(['']).describe('Unquoted values that mean NULL'),
  encoding: z.literal('utf-8').default('utf-8').describe('Only UTF-8 is read'),
  compression: z.enum(compressions).default('auto').describe('auto goes by the ending .gz or .zst'),
});
type CsvOptions = z.output<typeof optionsSchema>;

export const csv = defineFormat({
  name: 'csv',
  summary: 'Comma-separated values with a header; a record that cannot be read is quarantined with its line number',
  extensions: ['csv'],
  cutsAtLines: true,
  optionsSchema,
  infer: async (session, path, options, sampleRows) => await inferColumns(session, path, options, sampleRows),
  async count(session, path, options) {
    const names = await columnNames(path, options);
    return names.length === 0 ? 0 : await countRecords(session, sourceOf(path, options, names), 'false');
  },
  async read(session, options, request) {
    const names = await columnNames(request.path, options);
    return await readRecords(session, sourceOf(request.path, options, names), rulesOf(request, names, options), request);
  },
  copyOptions: ({ delimiter, quote, escape, header, nulls, compression }) =>
    `FORMAT csv, HEADER ${header}, DELIMITER ${quoteLiteral(delimiter)}, QUOTE ${quoteLiteral(quote)}, ESCAPE ${quoteLiteral(escape)}, NULLSTR ${quoteLiteral(nulls[0] ?? '')}` +
    (compression === 'auto' || compression === 'none' ? '' : `, COMPRESSION ${compression}`),
});

/** Names by the header, as DuckDB could take them: an empty one is named for its place, a second one of a name is numbered. */
async function columnNames(path: string, options: CsvOptions): Promise<readonly string[]> {
  for await (const [first] of scanRecords(openBytes(path, options.compression), csvRule({ ...options, columns: null }))) {
    if (!first) continue;
    if (first.problem) throw new SourceHeldError(`reading the header of a CSV file: line ${first.line} ${first.problem}; mend the file or its format options`, { line: first.line });
    return distinctNames(first.fields.map((name, index) => (options.header && name) || `column${index}`));
  }
  return [];
}

function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let copy = 1; taken.has(distinct.toLowerCase()); copy += 1) distinct = `${name}_${copy}`;
    taken.add(distinct.toLowerCase());
    return distinct;
  });
}

function sourceOf(path: string, options: CsvOptions, names: readonly string[]): RecordSource {
  const { delimiter, quote, escape, header, nulls, compression } = options;
  const fields = names.map((_name, index) => `'f${index}': 'VARCHAR'`).join(', ');
  const nullTexts = (nulls.length > 0 ? nulls : [never]).map(quoteLiteral).join(', ');
  return {
    fields: names.length,
    fast: names.length === 0 ? '(SELECT 1 WHERE false)' : `read_csv(${quoteLiteral(path)}, auto_detect = false, strict_mode = true, comment = '', header = ${header}, delim = ${quoteLiteral(delimiter)}, ` +
      `quote = ${quoteLiteral(quote)}, escape = ${quoteLiteral(quote === '' ? '' : escape)}, nullstr = [${nullTexts}], allow_quoted_nulls = false, ` +
      `compression = ${quoteLiteral(compressionOf(path, compression))}, ${readBuffer}, columns = {${fields}})`,
    scan: () => withoutHeader(scanRecords(openBytes(path, compression), csvRule({ ...options, columns: names.length })), header),
  };
}

async function* withoutHeader(groups: AsyncIterable<readonly ScannedRecord[]>, header: boolean): AsyncGenerator<readonly ScannedRecord[]> {
  let pending = header;
  for await (const group of groups) {
    yield pending && group.length > 0 ? group.slice(1) : group;
    if (group.length > 0) pending = false;
  }
}

function rulesOf(request: ReadRequest, names: readonly string[], options: CsvOptions): RecordRules {
  const planned = request.columns.map((column, place) => ({ column, field: fieldOf(column, place, names, options) }));
  const fits = planned.map(({ column, field }) => ({ column, ...fitOf(field, column.type) }));
  const others = names.map((_name, index) => `f${index}`).filter((field) => !planned.some((one) => one.field === field));
  // Mentioning a field makes DuckDB look at its bytes.
  const touched = others.map((field) => `contains(${field}, chr(0))`);
  const reasons = fits.map(({ misfit, column, reason }) => `CASE WHEN ${misfit} THEN {'column': ${quoteLiteral(column.name)}, 'reason': ${quoteLiteral(reason)}} END`);
  const stray = touched.length > 0 ? [`CASE WHEN ${touched.join(' OR ')} THEN {'column': NULL::VARCHAR, 'reason': 'has a NUL byte'} END`] : [];
  return {
    columns: fits.map(({ column, value }) => ({ name: column.name, value })),
    misfit: [...fits.map(({ misfit }) => misfit), ...touched.map((touch) => `coalesce(${touch}, false)`)].join(' OR ') || 'false',
    reasons: `to_json(list_filter([${[...reasons, ...stray].join(', ')}], lambda reason: reason IS NOT NULL))::VARCHAR`,
  };
}

/** A column that this file does not have is NULL in it: an older file of a stream that grew. */
function fieldOf(column: Column, place: number, names: readonly string[], options: CsvOptions): string {
  const exact = options.header ? names.indexOf(column.name) : place < names.length ? place : -1;
  const index = exact >= 0 ? exact : names.findIndex((name) => name.toLowerCase() === column.name.toLowerCase());
  return index >= 0 ? `f${index}` : 'NULL::VARCHAR';
}

async function inferColumns(session: Session, path: string, options: CsvOptions, sampleRows: number): Promise<readonly Column[]> {
  const names = await columnNames(path, options);
  if (names.length === 0) return [];
  const source = sourceOf(path, options, names);
  const measures = names.map((_name, index) => tallies(`f${index}`, `f${index}_`)).join(', ');
  const row = await session.row(`SELECT ${measures} FROM (SELECT * FROM ${source.fast} LIMIT ${sampleRows})`).catch(async () =>
    await withScratch(session, async (folder) => await session.row(`SELECT ${measures} FROM ${await readableSample(source, sampleRows, `${folder}/sample.csv`)}`)));
  return names.map((name, index) => ({ name, type: talliedType(row, `f${index}_`), nullable: true }));
}

/** The first readable records of a damaged file. */
async function readableSample(source: RecordSource, sampleRows: number, to: string): Promise<string> {
  const file = await openTextFile(to);
  let left = sampleRows;
  for await (const group of source.scan()) {
    for (const { problem, fields } of group) {
      if (problem !== null || left === 0) continue;
      await file.write(csvLine([...fields]));
      left -= 1;
    }
    if (left === 0) break;
  }
  await file.close();
  return scratchFile(to, Object.fromEntries(Array.from({ length: source.fields }, (_unused, index) => [`f${index}`, 'VARCHAR'])));
}
