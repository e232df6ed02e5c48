import { z } from 'zod';
import { unpackSchema } from '../file-source';

/** A connection of `connector: files`. */
export const configSchema = z.strictObject({
  path: z.string().min(1).describe('Folder; relative to connections.yaml'),
  unpack: unpackSchema,
});
export type FilesConfig = z.output<typeof configSchema>;
