import type { Column } from '../domain/column';
import { SourceHeldError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteLiteral } from '../transforms/quote';
import { compressionOf, glance, isNative, openBytes } from './bytes';
import { csvOptionsSchema, isNumber, resolveDialect, withDecimalPoint, type CsvOptions } from './csv-dialect';
import { csvRule } from './csv-rule';
import { fitOf } from './fits';
import { defineFormat, type ReadRequest } from './format';
import { kindsIn, kindsOf, typeOfKinds } from './infer';
import { countRecords, readRecords, scratchFile, withScratch, type RecordRules, type RecordSource } from './records';
import { scanRecords, type ScannedRecord } from './scan';
import { never, readBuffer } from './sql';
import { csvTally, tallied, type Tally } from './tally';
import { csvLine, openTextFile } from './text-file';
import { trustRecords, type TrustedRecords } from './trust';

export const csv = defineFormat({
  name: 'csv',
  summary: 'Comma-separated values with a header; a record that cannot be read is quarantined with its line number',
  extensions: ['csv', 'tsv'],
  cutsAtLines: true,
  optionsSchema: csvOptionsSchema,
  resolve: resolveDialect,
  infer: async (session, path, options, sampleRows) => await inferColumns(session, path, await settled(path, options), sampleRows),
  async count(session, path, told) {
    const options = await settled(path, told);
    return await tallied(path, options.compression, await tallyOf(path, options)) ?? await countRecords(session, sourceOf(path, options, await headerOf(path, options)), 'false');
  },
  tally: async (path, told) => await tallyOf(path, await settled(path, told)),
  async read(session, told, request) {
    const options = await settled(request.path, told);
    const header = await headerOf(request.path, options);
    const source = sourceOf(request.path, options, header);
    if (request.trusting && source.fast !== null && header.names.length > 0) return await trustRecords(session, trustedOf(source.fast, request, header.names, options), request);
    return await readRecords(session, source, rulesOf(request, header.names, options), request);
  },
  copyOptions: ({ delimiter, quote, escape, header, nulls, compression }) =>
    `FORMAT csv, HEADER ${header}, DELIMITER ${quoteLiteral(delimiter === 'auto' ? ',' : delimiter)}, QUOTE ${quoteLiteral(quote)}, ESCAPE ${quoteLiteral(escape)}, NULLSTR ${quoteLiteral(nulls[0] ?? '')}` +
    (compression === 'auto' || compression === 'none' ? '' : `, COMPRESSION ${compression}`),
});

/** A file that was landed has its dialect told; another one may leave it open. */
const settled = async (path: string, options: CsvOptions): Promise<CsvOptions> => (options.delimiter === 'auto' ? await resolveDialect(path, { ...options, encoding: 'utf-8' }) : options);

/** An empty line may be a record of one column, and what is passed over is no record: the careful reader knows. */
async function tallyOf(path: string, options: CsvOptions): Promise<Tally | null> {
  const { names } = await headerOf(path, options);
  const tally = options.skip === 0 && options.comment === '' && names.length > 1 ? csvTally(options) : null;
  const records = (all: number | null): number | null => (all === null ? null : Math.max(0, all - (options.header ? options.header_lines : 0)));
  return tally && { ...tally, end: () => records(tally.end()) };
}

const ruleOf = (options: CsvOptions, columns: number | null) => csvRule({ ...options, pads: options.ragged === 'pad', columns });

/** Names by the header, as DuckDB could take them: an empty one is named for its place, a second one of a name is numbered. */
interface Header { readonly names: readonly string[]; /** Line of the first record. */ readonly line: number }

async function headerOf(path: string, options: CsvOptions): Promise<Header> {
  const wanted = options.header ? options.header_lines : 1;
  const rows: (readonly (string | null)[])[] = [];
  let first = 1;
  for await (const group of scanRecords(openBytes(path, options.compression, glance), ruleOf(options, null))) {
    for (const { problem, line, fields } of group.slice(0, wanted - rows.length)) {
      if (problem) throw new SourceHeldError(`reading the header of a CSV file: line ${line} ${problem}; mend the file or its format options`, { line });
      if (rows.length === 0) first = line;
      rows.push(fields);
    }
    if (rows.length === wanted) break;
  }
  const width = Math.max(0, ...rows.map((row) => row.length));
  return { line: first, names: distinctNames(Array.from({ length: width }, (_unused, index) => (options.header && headerName(rows, index)) || `column${index}`)) };
}

/** A group's name over several columns stands at its first one only; it is not carried on, since nothing says how far. */
const headerName = (rows: readonly (readonly (string | null)[])[], index: number): string =>
  [...new Set(rows.map((row) => row[index]?.trim()).filter(Boolean))].join(' ');

function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let copy = 1; taken.has(distinct.toLowerCase()); copy += 1) distinct = `${name}_${copy}`;
    taken.add(distinct.toLowerCase());
    return distinct;
  });
}

function sourceOf(path: string, options: CsvOptions, { names, line }: Header): RecordSource {
  const { delimiter, quote, escape, header, header_lines: headerLines, nulls, compression, quoted_nulls: quotedNulls } = options;
  // DuckDB takes an empty line before the header for the header (verified).
  const plain = line === 1 && options.skip === 0 && options.comment === '' && options.ragged === 'reject' && headerLines === 1 && isNative(compressionOf(path, compression));
  const fields = names.map((_name, index) => `'f${index}': 'VARCHAR'`).join(', ');
  const nullTexts = (nulls.length > 0 ? nulls : [never]).map(quoteLiteral).join(', ');
  return {
    fields: names.length,
    fast: !plain ? null : names.length === 0 ? '(SELECT 1 WHERE false)' : `read_csv(${quoteLiteral(path)}, auto_detect = false, strict_mode = true, comment = '', header = ${header}, delim = ${quoteLiteral(delimiter)}, ` +
      `quote = ${quoteLiteral(quote)}, escape = ${quoteLiteral(quote === '' ? '' : escape)}, nullstr = [${nullTexts}], allow_quoted_nulls = ${quotedNulls}, ` +
      `compression = ${quoteLiteral(compressionOf(path, compression))}, ${readBuffer}, columns = {${fields}})`,
    scan: () => withoutHeader(scanRecords(openBytes(path, compression), ruleOf(options, names.length)), header ? headerLines : 0),
  };
}

async function* withoutHeader(groups: AsyncIterable<readonly ScannedRecord[]>, lines: number): AsyncGenerator<readonly ScannedRecord[]> {
  let pending = lines;
  for await (const group of groups) {
    yield pending > 0 ? group.slice(pending) : group;
    pending = Math.max(0, pending - group.length);
  }
}

/** Text of each planned column; of the others, whether they hold a NUL byte: mentioning a field makes DuckDB look at its bytes. */
function fieldsOf({ columns }: ReadRequest, names: readonly string[], options: CsvOptions) {
  const fields = columns.map((column, place) => fieldOf(column, place, names, options));
  const others = names.map((_name, index) => `f${index}`).filter((field) => !fields.includes(field));
  return { texts: fields.map((field, place) => (options.decimal === ',' && isNumber(columns[place]!.type) ? `(${withDecimalPoint(field)})` : field)), touched: others.map((field) => `contains(${field}, chr(0))`) };
}

function trustedOf(from: string, request: ReadRequest, names: readonly string[], options: CsvOptions): TrustedRecords {
  const { texts, touched } = fieldsOf(request, names, options);
  return { from, texts, fits: request.columns.map(({ type }, index) => fitOf(`t${index}`, type, true)), damaged: touched };
}

function rulesOf(request: ReadRequest, names: readonly string[], options: CsvOptions): RecordRules {
  const { texts, touched } = fieldsOf(request, names, options);
  const fits = request.columns.map((column, place) => ({ column, ...fitOf(texts[place]!, column.type, true) }));
  const reasons = fits.map(({ misfit, column, reason }) => `CASE WHEN ${misfit} THEN {'column': ${quoteLiteral(column.name)}, 'reason': ${quoteLiteral(reason)}} END`);
  const stray = touched.length > 0 ? [`CASE WHEN ${touched.join(' OR ')} THEN {'column': NULL::VARCHAR, 'reason': 'has a NUL byte'} END`] : [];
  return {
    columns: fits.map(({ column, value }) => ({ name: column.name, value })),
    misfit: [...fits.map(({ misfit }) => misfit), ...touched.map((touch) => `coalesce(${touch}, false)`)].join(' OR ') || 'false',
    reasons: `to_json(list_filter([${[...reasons, ...stray].join(', ')}], lambda reason: reason IS NOT NULL))::VARCHAR`,
    // By name, so that it can be mended and read again; what has no such form is the text of its line.
    raw: `CAST(json_object(${names.map((name, index) => `${quoteLiteral(name)}, f${index}`).join(', ')}) AS VARCHAR)`,
  };
}

/** A column that this file does not have is NULL in it: an older file of a stream that grew. */
function fieldOf(column: Column, place: number, names: readonly string[], options: CsvOptions): string {
  const exact = options.header ? names.indexOf(column.name) : place < names.length ? place : -1;
  const index = exact >= 0 ? exact : names.findIndex((name) => name.toLowerCase() === column.name.toLowerCase());
  return index >= 0 ? `f${index}` : 'NULL::VARCHAR';
}

async function inferColumns(session: Session, path: string, options: CsvOptions, sampleRows: number): Promise<readonly Column[]> {
  const header = await headerOf(path, options);
  const { names } = header;
  if (names.length === 0) return [];
  const source = sourceOf(path, options, header);
  const measures = names.map((_name, index) => kindsOf(`f${index}`, `f${index}_`, options.decimal === ',' ? `(${withDecimalPoint(`f${index}`)})` : undefined));
  const bySample = () => withScratch(session, async (folder) => await kindsIn(session, measures, await readableSample(source, sampleRows, `${folder}/sample.csv`)));
  const row = source.fast === null ? await bySample() : await kindsIn(session, measures, `(SELECT * FROM ${source.fast} LIMIT ${sampleRows})`).catch(bySample);
  return names.map((name, index) => ({ name, type: typeOfKinds(row, `f${index}_`), nullable: true }));
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
