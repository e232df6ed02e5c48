import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { onErrors } from '../domain/pipeline';
import { add } from './add';
import { aggregate } from './aggregate';
import { changeCase } from './case';
import { wordOption } from './columns';
import { cast } from './cast';
import { decode } from './decode';
import { decompress } from './decompress';
import { deduplicate } from './deduplicate';
import { dropMissing } from './drop-missing';
import { drop } from './drop';
import { encode } from './encode';
import { decrypt, encrypt } from './encrypt';
import { explode } from './explode';
import { fillMissing } from './fill-missing';
import { filter } from './filter';
import { flatten } from './flatten';
import { hash } from './hash';
import { httpLookup } from './http-lookup';
import { join } from './join';
import { js } from './js';
import { lookup } from './lookup';
import { mapValues } from './map-values';
import { mask } from './mask';
import { normalize } from './normalize';
import { outliers } from './outliers';
import { parse } from './parse';
import { parseNumber } from './parse-number';
import { parseTimestamp } from './parse-timestamp';
import { pivot } from './pivot';
import { rename } from './rename';
import { replace } from './replace';
import { resolveChoice } from './resolve-choice';
import { select } from './select';
import { split } from './split';
import { sql } from './sql';
import { standardize } from './standardize';
import type { Step } from './step';
import { trim } from './trim';
import { unarchive } from './unarchive';
import { unpivot } from './unpivot';
import { window } from './window';

/** Every step, in one list. To add one: write its file and add a line here. */
export const steps: readonly Step[] = [
  select, drop, rename, add, filter, cast, parseTimestamp, parseNumber, resolveChoice, trim, changeCase, replace, normalize, standardize, mapValues,
  dropMissing, fillMissing, outliers, deduplicate, lookup, join, httpLookup, aggregate, window, pivot, unpivot, flatten, explode, split,
  parse, encode, decode, decompress, unarchive, mask, hash, encrypt, decrypt, sql, js,
];

const byName: ReadonlyMap<string, Step> = new Map(steps.map((step) => [step.name, step]));

export function stepNamed(name: string): Step {
  const found = byName.get(name);
  if (found) return found;
  const nearest = [...byName.keys()].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown step "${name}"; did you mean "${nearest}"? known steps: ${[...byName.keys()].join(', ')}`);
}

const onError = wordOption(onErrors).default('reject').describe('What happens to a row whose value cannot be processed: set aside, NULL instead, stop the stream, or the value kept as text');

/** Options of a step as a user writes them, with on_error where the step takes it. */
export function stepSpecSchema(name: string): z.ZodType {
  const { optionsSchema, takesOnError } = stepNamed(name);
  return takesOnError && optionsSchema instanceof z.ZodObject ? optionsSchema.extend({ on_error: onError }) : optionsSchema;
}
