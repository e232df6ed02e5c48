import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { onFails, type NamedOptions } from '../domain/pipeline';
import { acceptedValues } from './accepted-values';
import type { Check } from './check';
import { expression } from './expression';
import { notNull } from './not-null';
import { pattern } from './pattern';
import { range } from './range';
import { rowCount } from './row-count';
import { sql } from './sql';
import { unique } from './unique';

/** Every check, in one list. To add one: write its file and add a line here. */
export const checks: readonly Check[] = [notNull, unique, acceptedValues, range, pattern, rowCount, expression, sql];

/** Words of the vocabulary that are not built yet. */
const planned = ['primary_key', 'relationships', 'length', 'type', 'freshness', 'schema', 'completeness', 'distinct_count', 'mean', 'sum', 'matches_source', 'anomaly'];

const byName: ReadonlyMap<string, Check> = new Map(checks.map((check) => [check.name, check]));

export function checkNamed(name: string): Check {
  const found = byName.get(name);
  if (found) return found;
  if (planned.includes(name)) throw new ConfigurationError(`check "${name}" is not available yet; available: ${[...byName.keys()].join(', ')}`);
  const nearest = [...byName.keys()].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown check "${name}"; did you mean "${nearest}"? known checks: ${[...byName.keys()].join(', ')}`);
}

const common = {
  on_fail: z.enum(onFails).default('block').describe('Stop the stream before it publishes, only say so, set the rows aside, or wait until a person approves'),
  where: z.string().optional().describe('SQL condition: rows that the check looks at'),
};

/** Options of a check as a user writes them. */
export function checkSpecSchema(name: string): z.ZodType {
  const { optionsSchema } = checkNamed(name);
  return optionsSchema instanceof z.ZodObject ? optionsSchema.safeExtend(common) : optionsSchema;
}

/** `unique` with quarantine must see the whole stream before it can tell which rows to set aside. */
export const rejectsByUnique = ({ name, options }: NamedOptions): boolean => name === 'unique' && options['on_fail'] === 'quarantine';
