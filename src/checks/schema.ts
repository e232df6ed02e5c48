import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';

export const schema = defineCheck({
  name: 'schema',
  summary: 'The stream has the columns that are expected, and their types',
  example: 'schema: { columns: { id: BIGINT, total: "DECIMAL(12,3)" } }',
  setsAside: false,
  optionsSchema: z.strictObject({
    columns: z.union([z.array(z.string()).min(1), z.record(z.string(), z.string())]).describe('Names, or name: DuckDB type'),
    exact: z.boolean().default(false).describe('No other columns may be there'),
    ordered: z.boolean().default(false).describe('In this order'),
  }),
  compile({ columns, exact, ordered }, input) {
    const wanted = Array.isArray(columns) ? columns.map((name) => [name, null] as const) : Object.entries(columns);
    const there = new Map(input.columns.map(({ name, type }) => [name, type]));
    const names = input.columns.map(({ name }) => name);
    const places = wanted.map(([name]) => names.indexOf(name)).filter((place) => place >= 0);
    const problems = [
      ...wanted.filter(([name]) => !there.has(name)).map(([name]) => `"${name}" is missing`),
      ...wanted.filter(([name, type]) => type !== null && there.has(name) && plain(there.get(name)!) !== plain(type)).map(([name, type]) => `"${name}" is ${there.get(name)!}, not ${type!}`),
      ...(exact ? names.filter((name) => !wanted.some(([other]) => other === name)).map((name) => `"${name}" is not expected`) : []),
      ...(ordered && places.some((place, index) => index > 0 && place < places[index - 1]!) ? ['the order is another'] : []),
    ];
    return { kind: 'stream', sql: `SELECT ${problems.length} AS failing, ${quoteLiteral(problems.length === 0 ? 'the columns are as expected' : problems.join(', '))} AS message` };
  },
});

/** Other names of the same type. */
const same: Readonly<Record<string, string>> = { TEXT: 'VARCHAR', STRING: 'VARCHAR', INT: 'INTEGER', INT8: 'BIGINT', TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE', BOOL: 'BOOLEAN', NUMERIC: 'DECIMAL' };
const plain = (type: string): string => type.toUpperCase().replace(/\s*([(),])\s*/g, '$1').trim().replace(/^[A-Z0-9]+/, (word) => same[word] ?? word);
