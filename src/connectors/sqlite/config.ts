import { z } from 'zod';

/** A connection of `connector: sqlite`. */
export const configSchema = z.strictObject({
  path: z.string().min(1).describe('Database file; relative to connections.yaml'),
});
export type SqliteConfig = z.output<typeof configSchema>;
