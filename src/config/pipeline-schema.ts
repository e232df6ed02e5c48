import { z } from 'zod';
import { contractWords } from '../domain/contract';
import { nullCursors, writes } from '../domain/pipeline';
import { shareOf } from './duration';
import { sizeOf } from './size';

const name = z.string().min(1);
const columns = z.union([z.array(name).min(1), name.transform((column) => [column])]);
/** Types reach SQL as they are written, so nothing but a type may stand here. */
const typeShape = /^[A-Za-z][\w ]*(\([\w ,()[\]]*\))?(\[\d*\])*$/;
const named = z.union([name, z.record(name, z.unknown())]);

/** What a stream, or `defaults`, may say. Rules between words are in stream-rules. */
const streamWords = {
  mode: z.enum(['full', 'incremental']).describe('full reads everything, incremental what is new since the checkpoint'),
  write: z.enum(writes).describe('What loading does to rows that are there'),
  key: columns.describe('Columns that identify a row'),
  order_by: name.describe('Column, optionally asc or desc, that tells which of two versions of a key is newer'),
  cursor: name.describe('Column that grows with each new or changed row'),
  cursor_timezone: name.describe('Zone of a cursor without zone, e.g. UTC or Europe/Berlin'),
  cursor_changes: z.enum(['always', 'never']).describe('never: the cursor of a row stays as it was written first'),
  lookback: name.describe('How far before the checkpoint reading starts again: 10 minutes, 1 day, or a whole day, month or year'),
  null_cursor: z.enum(nullCursors).describe('What becomes of rows without cursor'),
  settle: name.describe('How long to wait for transactions that are still open when the upper bound is taken'),
  settle_on_timeout: z.enum(['hold_back', 'proceed']).describe('After that time: hold the bound back, or go on'),
  partition: z.strictObject({ rows: z.int().min(1).describe('Rows aimed at per partition') }).describe('Size of one extraction'),
  by: z.union([z.literal('window'), columns]).describe('delete_insert: columns whose values are replaced, or the cursor window'),
  changed_file: z.enum(['reload', 'fail', 'ignore', 'follow']).describe('What to do with a file that was read and has changed since; follow reads what was appended'),
  types: z.record(name, z.string().regex(typeShape, 'is no type; write one such as BIGINT or DECIMAL(18,2)')).describe('Column → type, instead of what is inferred'),
  naming: z.enum(['snake_case', 'keep']).describe('Names of columns in the destination'),
  snapshot: z.boolean().describe('A copy of the whole source per run, appended'),
  keep_previous: z.union([z.boolean(), z.literal(0), z.literal(1)]).describe('replace: keep the table that was there, for rollback'),
  allow_empty: z.boolean().describe('Let a full read of no rows empty the target'),
  visible: z.enum(['run', 'batch']).describe('When rows show: at the end of the run, or batch by batch'),
  lineage: z.boolean().describe('Whether each row carries _millrace_batch_id'),
  proof: z.enum(['full', 'rows', 'counts']).describe('What is kept of each batch to prove it later: a fingerprint of its rows, or their number; full: the run compares every row with the destination before it ends'),
  contract: z.strictObject({
    columns: z.enum(contractWords).describe('What becomes of columns that are new or missing; default evolve: new ones are added, missing ones become NULL').optional(),
    types: z.enum(contractWords).describe('What becomes of columns whose type has changed; without it a type that the target cannot hold holds the run').optional(),
  }).describe('What the source may change'),
  format: named.describe('Format of source files'),
  target: z.strictObject({
    format: named.describe('Format of files written').optional(),
    partition_by: columns.describe('Columns that become folders').optional(),
    file_size: z.string().refine((text) => sizeOf(text) !== null, 'must be a size such as 128MB').describe('Size aimed at per file; without it, a file per batch').optional(),
  }).describe('Settings of the destination for this stream'),
  steps: z.array(named).describe('What is done to rows, in order'),
  checks: z.array(named).describe('What must hold before rows are published'),
};

const optional = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).partial();

export const defaultsSchema = optional(streamWords);
export const streamSchema = optional(streamWords).extend({
  stream: name.describe('Table, file or glob to read; with query, a name for its result'),
  query: name.describe('SQL of the source, instead of a table').optional(),
  to: name.describe('Table to write; without it, named for the stream').optional(),
});
export const limitsSchema = z.strictObject({
  rejects: z.union([z.string(), z.number()]).refine((value) => shareOf(value) !== null, 'must be a share such as 0.1% or 0.001').optional().describe('Share of rows that may be rejected, e.g. 0.1%'),
  concurrency: z.int().min(1).max(256).optional().describe('Partitions in flight per run'),
});

/** The file. Streams are parsed one by one, so that a mistake in one hides none in another. */
export const pipelineSchema = z.strictObject({
  pipeline: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'must start with a letter and hold letters, digits, "_" and "-" only').describe('Name; runs, locks and checkpoints carry it'),
  description: z.string().optional().describe('For people'),
  source: name.describe('Connection that rows come from'),
  destination: name.describe('Connection that rows go to'),
  defaults: z.unknown().optional().describe('Words for all streams'),
  streams: z.array(z.unknown()).min(1).describe('What is moved'),
  limits: z.unknown().optional().describe('Bounds of a run'),
  schedule: z.unknown().optional().describe('When it runs by itself, once "millrace schedule apply" has told the server'),
  keep: z.unknown().optional().describe('How long staged batches stay after their run; default: not at all'),
  quarantine: z.unknown().optional().describe('Bounds of rejected rows: keep (default 90 days) and max'),
  staging: z.unknown().optional().describe('Where staging lies, s3://bucket/prefix, and max, where extraction waits'),
  tests: z.unknown().optional().describe('Examples that "millrace test" runs: given rows, and what is expected of them'),
  on_failure: z.enum(['hold', 'fail']).optional().describe('hold: wait for a person; fail: end the run'),
});

export type RawStream = z.output<typeof streamSchema>;
export type RawDefaults = z.output<typeof defaultsSchema>;
export type RawLimits = z.output<typeof limitsSchema>;
