import { z } from 'zod';

/** A connection of `connector: mysql`. */
export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Host name or address'),
  port: z.coerce.number().int().min(1).max(65535).default(3306).describe('Port'),
  socket: z.string().optional().describe('Path of a Unix socket, instead of host and port'),
  database: z.string().min(1).describe('Database that tables named without one lie in'),
  user: z.string().min(1).describe('User to log in as'),
  password: z.string().optional().describe('Its password; write ${env:NAME} or ${file:PATH}'),
  ssl: z.strictObject({
    mode: z.enum(['require', 'verify']).default('verify').describe('require does not check the certificate'),
    ca: z.string().optional().describe('PEM text of the authority; write ${file:PATH}'),
  }).optional().describe('Encryption; without it the connection is in the clear'),
  connect_timeout: z.coerce.number().int().min(1).default(10).describe('Seconds to wait for a connection'),
});
export type MysqlConfig = z.output<typeof configSchema>;
