import { z } from 'zod';

/** A connection of `connector: postgres`. */
export const configSchema = z.strictObject({
  // What has another shape would be taken apart wrongly, and messages could show its password for a host.
  url: z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://').optional().describe('postgres://user:password@host:port/database; instead of the fields below'),
  host: z.string().default('127.0.0.1').describe('Host name or address'),
  port: z.coerce.number().int().min(1).max(65535).default(5432).describe('Port'),
  database: z.string().optional().describe('Database name'),
  user: z.string().optional().describe('Role to log in as'),
  password: z.string().optional().describe('Its password; write ${env:NAME} or ${file:PATH}, not the password itself'),
  schema: z.string().default('public').describe('Where tables named without a schema lie, and the system tables'),
  ssl: z.strictObject({
    mode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']).default('verify-full').describe('As in libpq; require does not check the certificate'),
    ca: z.string().optional().describe('PEM text of the authority; write ${file:PATH}'),
  }).optional().describe('Encryption; without it the connection is in the clear'),
  connect_timeout: z.coerce.number().int().min(1).default(10).describe('Seconds to wait for a connection'),
}).refine((config) => config.url !== undefined || config.database !== undefined, { message: 'give either url or database', path: ['database'] });

export type PostgresConfig = z.output<typeof configSchema>;
