import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { onErrors } from '../domain/pipeline';
import { add } from './add';
import { aggregate } from './aggregate';
import { changeCase } from './case';
import { cast } from './cast';
import { deduplicate } from './deduplicate';
import { drop } from './drop';
import { dropMissing } from './drop-missing';
import { fillMissing } from './fill-missing';
import { filter } from './filter';
import { join } from './join';
import { mapValues } from './map-values';
import { parseTimestamp } from './parse-timestamp';
import { rename } from './rename';
import { replace } from './replace';
import { select } from './select';
import { sql } from './sql';
import type { Step } from './step';
import { trim } from './trim';

/** Every step, in one list. To add one: write its file and add a line here. */
export const steps: readonly Step[] = [
  select, drop, rename, add, filter, cast, parseTimestamp, trim, changeCase, replace, mapValues, deduplicate, dropMissing, fillMissing, aggregate, join, sql,
];

/** Words of the vocabulary that are not built yet. */
const planned = ['parse_number', 'standardize', 'normalize', 'outliers', 'lookup', 'window', 'pivot', 'unpivot', 'flatten', 'explode', 'split', 'encode', 'decode', 'decompress', 'unarchive', 'parse', 'mask', 'hash', 'encrypt', 'js'];

const byName: ReadonlyMap<string, Step> = new Map(steps.map((step) => [step.name, step]));

export function stepNamed(name: string): Step {
  const found = byName.get(name);
  if (found) return found;
  if (planned.includes(name)) throw new ConfigurationError(`step "${name}" is not available yet; available: ${[...byName.keys()].join(', ')}`);
  const nearest = [...byName.keys()].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown step "${name}"; did you mean "${nearest}"? known steps: ${[...byName.keys()].join(', ')}`);
}

const onError = z.enum(onErrors).default('reject').describe('What happens to a row whose value cannot be processed: set aside, NULL instead, stop the stream, or the value kept as text');

/** Options of a step as a user writes them, with on_error where the step takes it. */
export function stepSpecSchema(name: string): z.ZodType {
  const { optionsSchema, takesOnError } = stepNamed(name);
  return takesOnError && optionsSchema instanceof z.ZodObject ? optionsSchema.extend({ on_error: onError }) : optionsSchema;
}
