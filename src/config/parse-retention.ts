import { z } from 'zod';
import { defaultRetention, type Retention } from '../domain/retention';
import { durationOf } from './duration';
import { stagingSettings } from '../stores/staging-address';
import type { Problem } from './problems';
import { sizeOf } from './size';
import type { YamlFile } from './yaml-file';
import { problemsOf } from './zod-problems';

const duration = z.string().refine((text) => durationOf(text) !== null, 'must be a duration such as "7 days"');
const size = z.string().refine((text) => sizeOf(text) !== null, 'must be a size such as "500 MB" or "50 GB"');

/** `s3://bucket/prefix?…`, checked as far as it can be without asking the bucket. */
const address = z.string().superRefine((text, context) => {
  const problem = problemOf(text);
  if (problem !== null) context.addIssue(problem);
});

const stagingMap = z.strictObject({
  at: address.optional().describe('Bucket that workers on several machines share, s3://bucket/prefix?region=…; default: what the worker was started with'),
  max: size.optional().describe('Where staging holds this much, extraction waits'),
}).refine((staging) => staging.at !== undefined || staging.max !== undefined, { message: 'says nothing; write "at", "max" or both' });

export const retentionSchemas = {
  keep: duration.describe('How long staged batches stay after their run; default: not at all'),
  quarantine: z.strictObject({
    keep: duration.optional().describe('How long rejected rows stay; default 90 days'),
    max: size.optional().describe('Bytes of rejected rows; the oldest run goes first; default: no bound'),
  }).describe('Bounds of rejected rows'),
  staging: z.union([address, stagingMap]).describe('Where staging lies, s3://bucket/prefix, and how much it may hold'),
} as const;

function problemOf(text: string): string | null {
  try {
    stagingSettings(text, 'staging');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^reading staging "[^"]*": /, '') : String(error);
  }
}

/** `keep`, `quarantine` and `staging` of a pipeline. Absent ones have their defaults; no bounds at all: null. */
export function parseRetention(raw: Readonly<Record<string, unknown>>, file: YamlFile): { readonly retention: Retention | null; /** Where staging lies, if the pipeline says. */ readonly staging: string | null; readonly problems: readonly Problem[] } {
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
  const { at = null, max } = typeof raw['staging'] === 'string' ? { at: read('staging', address) ?? null, max: undefined } : read('staging', stagingMap) ?? {};
  if (keep === undefined && quarantine === undefined && max === undefined) return { retention: null, staging: at, problems };
  return {
    problems, staging: at,
    retention: {
      keep: keep === undefined ? defaultRetention.keep : durationOf(keep)!,
      quarantine: { keep: quarantine?.keep === undefined ? defaultRetention.quarantine.keep : durationOf(quarantine.keep)!, max: quarantine?.max === undefined ? null : sizeOf(quarantine.max) },
      staging: { max: max === undefined ? null : sizeOf(max) },
    },
  };
}
