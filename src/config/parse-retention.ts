import { z } from 'zod';
import { defaultRetention, type Retention } from '../domain/retention';
import { durationOf } from './duration';
import type { Problem } from './problems';
import { sizeOf } from './size';
import type { YamlFile } from './yaml-file';
import { problemsOf } from './zod-problems';

const duration = z.string().refine((text) => durationOf(text) !== null, 'must be a duration such as "7 days"');
const size = z.string().refine((text) => sizeOf(text) !== null, 'must be a size such as "500 MB" or "50 GB"');

export const retentionSchemas = {
  keep: duration.describe('How long staged batches stay after their run; default: not at all'),
  quarantine: z.strictObject({
    keep: duration.optional().describe('How long rejected rows stay; default 90 days'),
    max: size.optional().describe('Bytes of rejected rows; the oldest run goes first; default: no bound'),
  }).describe('Bounds of rejected rows'),
  staging: z.strictObject({ max: size.describe('Where staging holds this much, extraction waits') }).describe('Bounds of staging'),
} as const;

/** `keep`, `quarantine` and `staging` of a pipeline. Absent ones have their defaults; all absent: null. */
export function parseRetention(raw: Readonly<Record<string, unknown>>, file: YamlFile): { readonly retention: Retention | null; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const read = <Schema extends z.ZodType>(word: keyof typeof retentionSchemas, schema: Schema): z.output<Schema> | undefined => {
    if (raw[word] === undefined) return undefined;
    const parsed = schema.safeParse(raw[word]);
    if (parsed.success) return parsed.data;
    problems.push(...problemsOf(parsed.error.issues.map((issue) => ({ ...issue, path: [word, ...issue.path] })), { file, at: [], input: raw, schema: z.object({ [word]: schema }) }));
    return undefined;
  };
  const keep = read('keep', retentionSchemas.keep);
  const quarantine = read('quarantine', retentionSchemas.quarantine);
  const staging = read('staging', retentionSchemas.staging);
  if (keep === undefined && quarantine === undefined && staging === undefined) return { retention: null, problems };
  return {
    problems,
    retention: {
      keep: keep === undefined ? defaultRetention.keep : durationOf(keep)!,
      quarantine: { keep: quarantine?.keep === undefined ? defaultRetention.quarantine.keep : durationOf(quarantine.keep)!, max: quarantine?.max === undefined ? null : sizeOf(quarantine.max) },
      staging: { max: staging?.max === undefined ? null : sizeOf(staging.max) },
    },
  };
}
