import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { onFails, type NamedOptions } from '../domain/pipeline';
import { acceptedValues } from './accepted-values';
import { anomaly } from './anomaly';
import type { Check } from './check';
import { expression } from './expression';
import { freshness } from './freshness';
import { length } from './length';
import { matchesSource } from './matches-source';
import { completeness, distinctCount, mean, sum } from './measures';
import { notNull } from './not-null';
import { pattern } from './pattern';
import { primaryKey } from './primary-key';
import { range } from './range';
import { relationships } from './relationships';
import { rowCount } from './row-count';
import { schema } from './schema';
import { sql } from './sql';
import { type } from './type';
import { unique } from './unique';

/** Every check, in one list. To add one: write its file and add a line here. */
export const checks: readonly Check[] = [
  notNull, unique, primaryKey, acceptedValues, relationships, range, length, pattern, type, expression,
  rowCount, completeness, distinctCount, mean, sum, freshness, schema, sql, matchesSource, anomaly,
];

const byName: ReadonlyMap<string, Check> = new Map(checks.map((check) => [check.name, check]));

export function checkNamed(name: string): Check {
  const found = byName.get(name);
  if (found) return found;
  const nearest = [...byName.keys()].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown check "${name}"; did you mean "${nearest}"? known checks: ${[...byName.keys()].join(', ')}`);
}

const common = {
  on_fail: z.enum(onFails).default('block').describe('Stop the stream before it publishes, only say so, set the rows aside, or wait until a person approves'),
  where: z.string().optional().describe('SQL condition: rows that the check looks at'),
  at: z.enum(['staged', 'destination']).optional().describe('destination: over the target as it stands once the rows are in it, in its own SQL, before the publish is final; without it, over the rows that are staged'),
  mostly: z.number().gt(0).lt(1).optional().describe('Share of rows that must pass, for checks of single rows that block or warn'),
};

/** Options of a check as a user writes them. */
export function checkSpecSchema(name: string): z.ZodType {
  const { optionsSchema, setsAside, asksDestination } = checkNamed(name);
  if (!(optionsSchema instanceof z.ZodObject)) return optionsSchema;
  const { at, ...others } = common;
  const words = asksDestination ? { ...others, at } : others;
  const onFail = common.on_fail.unwrap().exclude(['quarantine']).default('block').describe('Stop the stream before it publishes, only say so, or wait until a person approves');
  return optionsSchema.safeExtend(setsAside ? words : { ...words, on_fail: onFail })
    .refine(({ mostly, on_fail: chosen }) => mostly === undefined || chosen !== 'quarantine', '"mostly" goes with on_fail block or warn: a row that is set aside does not pass')
    .refine((options) => options['at'] !== 'destination' || options['on_fail'] !== 'quarantine', '"at: destination" goes with on_fail block, warn or approve: rows are set aside before they are loaded');
}

/** `unique` and `primary_key` with quarantine must see the whole stream before they can tell which rows to set aside. */
export const rejectsByUnique = ({ name, options }: NamedOptions): boolean => (name === 'unique' || name === 'primary_key') && options['on_fail'] === 'quarantine';

/** Key in a chain's references of what a check reads besides the rows; steps have their ordinals. */
export const checkReference = (index: number): number => -1 - index;
