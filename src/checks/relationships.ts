import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { equalSql } from '../transforms/other';
import { quoteIdentifier } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

const list = z.union([z.string().transform((name) => [name]), z.array(z.string()).min(1)]);

export const relationships = defineCheck({
  name: 'relationships',
  summary: 'Every key is there in another stream or a file; NULL passes',
  example: 'relationships: { column: origin, to: { file: airports.csv, column: iata } }',
  optionsSchema: z.strictObject({
    column: list.describe('Column, or several'),
    to: z.strictObject({
      stream: z.string().optional().describe('Another stream of this pipeline, taken whole; it runs first'),
      file: z.string().optional().describe('A file, relative to connections.yaml'),
      column: list.describe('Their column, or as many as ours'),
    }).describe('Where the keys must be'),
  }).refine(({ to }) => (to.stream === undefined) !== (to.file === undefined), 'give either stream or file in "to"')
    .refine(({ column, to }) => column.length === to.column.length, '"to" names another number of columns'),
  references: ({ to: { stream, file } }) => ({ other: stream !== undefined ? { stream } : { file: file! } }),
  compile({ column, to }, input) {
    const other = input.references?.['other'];
    if (!other) throw new ConfigurationError('compiling check "relationships": the other stream is not there');
    const keys = to.column.map((name, index) => `${columnOf(name, { columns: other.columns, relation: other.relation }, 'relationships')} AS "_millrace_k${index}"`);
    const typeOf = (name: string, columns: typeof input.columns): string => columns.find((known) => known.name === name)!.type;
    const equal = column.map((name, index) => equalSql(columnOf(name, input, 'relationships'), typeOf(name, input.columns), `"_millrace_k${index}"`, typeOf(to.column[index]!, other.columns)));
    const present = column.map((name) => `${quoteIdentifier(name)} IS NOT NULL`).join(' AND ');
    return {
      kind: 'row',
      violations: [{ column: column[0]!, when: `${present} AND NOT EXISTS (SELECT 1 FROM (SELECT ${keys.join(', ')} FROM ${other.relation}) WHERE ${equal.join(' AND ')})`, reason: `is not in "${to.stream ?? to.file}"` }],
    };
  },
});
