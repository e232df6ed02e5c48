import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import type { Session } from '../transforms/duckdb-engine';
import { isNumber, withDecimalPoint } from './csv-dialect';
import { encodingOf, encodingOption } from './encoding';
import { fitOf } from './fits';
import { defineFormat } from './format';
import { kindsIn, kindsOf, typeOfKinds } from './infer';
import { countLines, tallyOfLines, withLines, type LinesRequest } from './lines-of';
import { readLines } from './read-lines';

const columnSchema = z.strictObject({
  name: z.string().min(1).describe('Name of the column'),
  width: z.number().int().min(1).describe('Characters it takes'),
  start: z.number().int().min(1).optional().describe('First character, from 1; without it, right after the column before'),
});

const optionsSchema = z.strictObject({
  columns: z.array(columnSchema).min(1).describe('What stands where'),
  skip: z.number().int().min(0).default(0).describe('Lines before the first record'),
  comment: z.string().max(1).default('').describe('Lines that start with it are left out; empty: there are none'),
  ragged: z.enum(['reject', 'pad']).default('reject').describe('Lines that end before their last column: set aside, or filled up with blanks'),
  decimal: z.enum(['.', ',']).default('.').describe('What parts the fraction of a number'),
  nulls: z.array(z.string()).default(['']).describe('Values that mean NULL, blanks around them taken off'),
  encoding: encodingOption,
});
type Options = z.output<typeof optionsSchema>;

interface Cut { readonly name: string; readonly start: number; readonly width: number }

function cutsOf({ columns }: Options): readonly Cut[] {
  let next = 1;
  return columns.map(({ name, width, start = next }) => {
    next = start + width;
    return { name, start, width };
  });
}

const linesOf = (path: string, { comment }: Options): LinesRequest => ({ path, comment });
const textOf = ({ start, width }: Cut, nulls: readonly string[]): string =>
  nulls.reduce((text, value) => `nullif(${text}, ${quoteLiteral(value)})`, `trim(substr(raw, ${start}, ${width}), ' ')`);
const afterSkip = (from: string, { skip }: Options): string => (skip === 0 ? from : `(SELECT * REPLACE (row_number() OVER () - 1 AS ordinal) FROM (SELECT * FROM ${from} WHERE line > ${skip}))`);

export const fixedWidth = defineFormat({
  name: 'fixed_width',
  summary: 'Columns by their place in the line; a line that is too short or too long is quarantined',
  extensions: [],
  cutsAtLines: true,
  optionsSchema,
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, options, sampleRows) => withLines(session, linesOf(path, options), (from) => inferCuts(session, afterSkip(from, options), options, sampleRows)),
  count: (session, path, options) => (options.skip === 0 ? countLines(session, linesOf(path, options))
    : withLines(session, linesOf(path, options), async (from) => Number((await session.row(`SELECT count(*) AS n FROM ${afterSkip(from, options)}`))['n']))),
  tally: async (path, options) => (options.skip === 0 ? tallyOfLines(linesOf(path, options)) : null),
  read: (session, options, request) => readLines(session, linesOf(request.path, options), request, (from) => {
    const cuts = new Map(cutsOf(options).map((cut) => [cut.name, cut]));
    return {
      records: `SELECT ordinal, line, raw AS text, coalesce(shown, CAST(to_json(raw) AS VARCHAR)) AS raw, coalesce(problem, ${wrongLength(options)}) AS problem FROM ${afterSkip(from, options)}`,
      text: ({ name }) => (cuts.has(name) ? textOf(cuts.get(name)!, options.nulls).replaceAll('substr(raw,', 'substr(text,') : 'NULL::VARCHAR'),
      fit: ({ type }, text) => (options.decimal === ',' && isNumber(type) ? fitOf(`(${withDecimalPoint(text)})`, type) : null),
    };
  }, options.skip > 0),
});

/** Blanks after the last column are nothing; anything else there belongs to no column. */
function wrongLength(options: Options): string {
  const end = Math.max(...cutsOf(options).map(({ start, width }) => start + width - 1));
  const long = `WHEN length(rtrim(raw, ' ')) > ${end} THEN 'has ' || length(rtrim(raw, ' ')) || ' characters, the columns end at ${end}'`;
  const short = options.ragged === 'pad' ? '' : `WHEN length(raw) < ${Math.max(...cutsOf(options).map(({ start }) => start))} THEN 'has ' || length(raw) || ' characters, the last column starts at ${Math.max(...cutsOf(options).map(({ start }) => start))}'`;
  return `CASE ${long} ${short} END`;
}

async function inferCuts(session: Session, from: string, options: Options, sampleRows: number) {
  const cuts = cutsOf(options);
  const values = cuts.map((cut, index) => `${textOf(cut, options.nulls)} AS v${index}`);
  const measures = cuts.map((_cut, index) => kindsOf(`v${index}`, `f${index}_`, options.decimal === ',' ? `(${withDecimalPoint(`v${index}`)})` : undefined));
  const row = await kindsIn(session, measures, `(SELECT ${values.join(', ')} FROM ${from} WHERE coalesce(problem, ${wrongLength(options)}) IS NULL LIMIT ${sampleRows})`);
  return cuts.map(({ name }, index) => ({ name, type: typeOfKinds(row, `f${index}_`), nullable: true }));
}
