import { z } from 'zod';
import { defineCheck, type Check } from './check';
import { columnOf } from './columns';
import { heldAgainst, namesThreshold, thresholdOptions } from './thresholds';

interface Measure<Name extends string> {
  readonly name: Name;
  readonly summary: string;
  readonly example: string;
  /** SQL aggregate of a quoted column. */
  sql(column: string): string;
  readonly word: string;
}

/** One number over a column, held against thresholds; NULL (no value) holds none of them. */
const measure = <const Name extends string>({ name, summary, example, sql, word }: Measure<Name>): Check & { readonly name: Name } => defineCheck({
  name, summary, example, setsAside: false,
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), ...thresholdOptions }).refine(namesThreshold, 'give a threshold, e.g. must_be_at_least: 1'),
  compile({ column, ...thresholds }, input) {
    return { kind: 'stream', sql: heldAgainst(thresholds, `'${word} is ' || coalesce(CAST(n AS VARCHAR), 'unknown')`, `SELECT ${sql(columnOf(column, input, name))} AS n FROM ${input.relation}`) };
  },
});

export const completeness = measure({
  name: 'completeness', summary: 'The share of rows that have a value (0 to 1) is as expected', example: 'completeness: { column: region, must_be_at_least: 0.5 }',
  word: 'the share of values', sql: (column) => `CASE WHEN count(*) > 0 THEN count(${column}) * 1.0 / count(*) END`,
});
export const distinctCount = measure({
  name: 'distinct_count', summary: 'The number of different values is as expected; NULL is none', example: 'distinct_count: { column: region, must_be_at_most: 20 }',
  word: 'distinct_count', sql: (column) => `count(DISTINCT ${column})`,
});
export const mean = measure({
  name: 'mean', summary: 'The mean of a column of numbers is as expected', example: 'mean: { column: total, must_be_between: [0, 1000] }',
  word: 'mean', sql: (column) => `avg(${column})`,
});
export const sum = measure({
  name: 'sum', summary: 'The sum of a column of numbers is as expected, to the last digit', example: 'sum: { column: total, must_be_greater_than: 0 }',
  word: 'sum', sql: (column) => `sum(${column})`,
});
