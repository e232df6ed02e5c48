import { z } from 'zod';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { countLines, tallyOfLines, type LinesRequest } from './lines-of';
import { readLines } from './read-lines';
import { continuationOf, multilineOption } from './multiline';

const optionsSchema = z.strictObject({
  multiline: multilineOption,
  comment: z.string().max(1).default('').describe('Lines that start with it are left out; empty: there are none'),
  encoding: encodingOption,
});
const linesOf = (path: string, { multiline, comment }: z.output<typeof optionsSchema>): LinesRequest => ({ path, comment, ...(multiline !== 'none' && { continues: continuationOf(multiline) }) });

export const lines = defineFormat({
  name: 'lines',
  summary: 'Plain lines (or events of several lines) as columns "line_number" and "line"; blank lines do not count',
  extensions: ['txt', 'log'],
  cutsAtLines: true,
  followable: true,
  optionsSchema,
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: async () => [{ name: 'line_number', type: 'BIGINT', nullable: false }, { name: 'line', type: 'VARCHAR', nullable: false }],
  count: (session, path, options) => countLines(session, linesOf(path, options)),
  tally: async (path, options) => tallyOfLines(linesOf(path, options)),
  read: (session, options, request) => readLines(session, linesOf(request.path, options), request, (from) => ({
    records: `SELECT ordinal, line, raw AS text, coalesce(shown, CAST(to_json(raw) AS VARCHAR)) AS raw, problem FROM ${from}`,
    text: ({ name }) => (name === 'line_number' ? 'CAST(line AS VARCHAR)' : name === 'line' ? 'text' : 'NULL::VARCHAR'),
  }), true),
});
