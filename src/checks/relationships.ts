import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { equalSql, namesOther, otherReference } from '../transforms/other';
import { quoteIdentifier } from '../transforms/quote';
import type { Reference } from '../transforms/step';
import { defineCheck } from './check';
import { columnOf } from './columns';

const list = z.union([z.string().transform((name) => [name]), z.array(z.string()).min(1)]);

export const relationships = defineCheck({
  name: 'relationships',
  summary: 'Every key is there in another stream, a file or a table; NULL passes',
  example: 'relationships: { column: origin, to: { file: airports.csv, column: iata } }',
  optionsSchema: z.strictObject({
    column: list.describe('Column, or several'),
    to: z.strictObject({
      stream: z.string().optional().describe('Another stream of this pipeline, taken whole; it runs first'),
      file: z.string().optional().describe('A file, relative to connections.yaml'),
      table: z.string().optional().describe('A table of "connection"; with at: destination a table there'),
      connection: z.string().optional().describe('Connection that "table" is of, from connections.yaml'),
      column: list.describe('Their column, or as many as ours'),
    }).describe('Where the keys must be'),
  }).refine(({ to }) => [to.stream, to.file, to.table].filter((given) => given !== undefined).length === 1, 'give one of stream, file and table in "to"')
    .refine(({ column, to }) => column.length === to.column.length, '"to" names another number of columns'),
  references: ({ to }): Readonly<Record<string, Reference>> => (namesOther(to) ? otherReference(to, 'relationships') : {}),
  compile({ column, to }, input) {
    const other = input.dialect === undefined ? input.references?.['other'] : { relation: quoteTable(to.table ?? ''), columns: null };
    if (!other) throw new ConfigurationError('compiling check "relationships": the other stream is not there', { check: 'relationships' });
    const theirs = (name: string): string => (other.columns === null ? quoteIdentifier(name) : columnOf(name, { columns: other.columns, relation: other.relation }, 'relationships'));
    const keys = to.column.map((name, index) => `${theirs(name)} AS "_millrace_k${index}"`);
    const typeOf = (name: string, columns: typeof input.columns): string => columns.find((known) => known.name === name)!.type;
    const equal = column.map((name, index) => {
      const ours = columnOf(name, input, 'relationships');
      return other.columns === null ? `${ours} = "_millrace_k${index}"` : equalSql(ours, typeOf(name, input.columns), `"_millrace_k${index}"`, typeOf(to.column[index]!, other.columns));
    });
    const present = column.map((name) => `${quoteIdentifier(name)} IS NOT NULL`).join(' AND ');
    return {
      kind: 'row',
      violations: [{ column: column[0]!, when: `${present} AND NOT EXISTS (SELECT 1 FROM (SELECT ${keys.join(', ')} FROM ${other.relation}) AS theirs WHERE ${equal.join(' AND ')})`, reason: `is not in "${to.stream ?? to.file ?? to.table}"` }],
    };
  },
});

const quoteTable = (name: string): string => name.split('.').map(quoteIdentifier).join('.');
