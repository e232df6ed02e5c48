import { z } from 'zod';

/** A connection of `connector: duckdb`. */
export const configSchema = z.strictObject({
  path: z.string().min(1).describe('Database file; relative to connections.yaml; made when it is first written'),
});
export type DuckDbConfig = z.output<typeof configSchema>;
