import { z } from 'zod';

/** A connection of `connector: files`. */
export const configSchema = z.strictObject({
  path: z.string().min(1).describe('Folder; relative to connections.yaml'),
});
export type FilesConfig = z.output<typeof configSchema>;
