import { z } from 'zod';
import type { Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, placing, refuseTaken, wordOption } from './columns';
import { partitionSql } from './order';
import { quoteIdentifier } from './quote';
import { defineStep, type Compiled } from './step';

const usual = { zscore: 3, mad: 3.5, iqr: 1.5 } as const;

export const outliers = defineStep({
  name: 'outliers',
  summary: 'Finds values far from the others, and flags, removes, caps or blanks them',
  example: 'outliers: { columns: [total], method: iqr, action: flag, group_by: [region] }',
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns of numbers'),
    method: z.enum(['zscore', 'mad', 'iqr']).default('iqr').describe('Distance in standard deviations, in (scaled) median deviations, or beyond the quartiles in their distance'),
    threshold: z.number().positive().optional().describe('How far is too far; usual: zscore 3, mad 3.5, iqr 1.5'),
    action: wordOption(['flag', 'remove', 'cap', 'null']).default('flag').describe('Say it in a column `<name>_outlier`; leave the row out, as filtered; put the nearest allowed value; put NULL'),
    group_by: z.array(z.string()).default([]).describe('Judge within groups of equal values here'),
  }),
  scope: () => 'stream',
  compile({ columns, method, threshold = usual[method], action, group_by: groups }, input): Compiled {
    for (const name of groups) find(name, input, 'outliers');
    const judged = columns.map((name) => find(name, input, 'outliers')).map((column) => ({ column, bounds: boundsOf(column, method, threshold, groups) }));
    const outside = ({ column, bounds }: (typeof judged)[number]): string => `coalesce(CAST(${quoteIdentifier(column.name)} AS DOUBLE) NOT BETWEEN ${bounds.low} AND ${bounds.high}, false)`;
    switch (action) {
      case 'remove': return { kind: 'keep', counts: 'filtered', windowed: true, condition: judged.map((one) => `NOT ${outside(one)}`).join(' AND ') };
      case 'flag': {
        for (const { column } of judged) refuseTaken(`${column.name}_outlier`, input, 'outliers');
        return { kind: 'rows', windowed: true, guards: [], columns: placing(input, new Map(judged.map((one) => [`${one.column.name}_outlier`, outside(one)]))) };
      }
      case 'null': return { kind: 'rows', windowed: true, guards: [], columns: placing(input, new Map(judged.map((one) => [one.column.name, `CASE WHEN NOT ${outside(one)} THEN ${quoteIdentifier(one.column.name)} END`]))) };
      case 'cap': return { kind: 'rows', windowed: true, guards: [], columns: placing(input, new Map(judged.map((one) => [one.column.name, capped(one.column, one.bounds)]))) };
    }
  },
});

interface Bounds {
  readonly low: string;
  readonly high: string;
}

/** Of a group's values that are numbers: NaN and infinity would make every bound one of them. Without spread nothing is an outlier. */
function boundsOf({ name, type }: Column, method: keyof typeof usual, threshold: number, groups: readonly string[]): Bounds {
  if (!/^(DECIMAL|U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|FLOAT|DOUBLE)/.test(type)) throw new ConfigurationError(`compiling step "outliers": column "${name}" is ${type}, it must be a number; "cast" or "parse_number" makes one of text`, { step: 'outliers', column: name });
  const over = `OVER (${partitionSql(groups)})`;
  const number = `CAST(${quoteIdentifier(name)} AS DOUBLE)`;
  const value = /^(FLOAT|DOUBLE)/.test(type) ? `CASE WHEN isfinite(${number}) THEN ${number} END` : number;
  switch (method) {
    case 'zscore': return around(`avg(${value}) ${over}`, `stddev_samp(${value}) ${over}`, threshold);
    // 1.4826 makes the median deviation of normally distributed values their standard deviation.
    case 'mad': return around(`median(${value}) ${over}`, `1.4826 * mad(${value}) ${over}`, threshold);
    case 'iqr': {
      const [first, third] = [`quantile_cont(${value}, 0.25) ${over}`, `quantile_cont(${value}, 0.75) ${over}`];
      return { low: spread(`${first} - ${threshold} * (${third} - ${first})`, `${third} - ${first}`, '-'), high: spread(`${third} + ${threshold} * (${third} - ${first})`, `${third} - ${first}`, '') };
    }
  }
}

const around = (middle: string, deviation: string, threshold: number): Bounds => ({
  low: spread(`${middle} - ${threshold} * ${deviation}`, deviation, '-'), high: spread(`${middle} + ${threshold} * ${deviation}`, deviation, ''),
});

const spread = (bound: string, width: string, sign: '-' | ''): string => `(CASE WHEN ${width} > 0 THEN ${bound} ELSE CAST('${sign}Infinity' AS DOUBLE) END)`;

/** A value within the bounds stays digit for digit; a bound is rounded towards the middle where the type is whole. */
function capped({ name, type }: Column, { low, high }: Bounds): string {
  const column = quoteIdentifier(name);
  const whole = /INT/.test(type);
  const as = (sql: string): string => `CAST(${sql} AS ${type})`;
  return `CASE WHEN CAST(${column} AS DOUBLE) < ${low} THEN ${as(whole ? `ceil(${low})` : low)} WHEN CAST(${column} AS DOUBLE) > ${high} THEN ${as(whole ? `floor(${high})` : high)} ELSE ${column} END`;
}
