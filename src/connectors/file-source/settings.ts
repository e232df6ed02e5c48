import { z } from 'zod';

/** What every connection to files may say besides where they are. */
export const unpackSchema = z.strictObject({
  max_bytes: z.coerce.number().int().positive().default(200 * 2 ** 30).describe('Bytes that one file may unpack to'),
  max_ratio: z.coerce.number().positive().default(1000).describe('How many times its own size a file may unpack to, judged beyond 64 MB'),
  max_members: z.coerce.number().int().positive().default(10_000).describe('Files that one archive may hold'),
}).prefault({}).describe('Bounds for compressed files and archives');

export type UnpackLimits = z.output<typeof unpackSchema>;
