import { z } from 'zod';
import { unpackSchema } from '../file-source';

/** A connection of `connector: sftp`. */
export const configSchema = z.strictObject({
  host: z.string().min(1).describe('Host name or address'),
  port: z.coerce.number().int().min(1).max(65535).default(22).describe('Port'),
  user: z.string().min(1).describe('User to log in as'),
  password: z.string().optional().describe('Its password; write ${env:NAME} or ${file:PATH}'),
  private_key: z.string().optional().describe('Text of its private key; write ${file:PATH}'),
  passphrase: z.string().optional().describe('Of the private key'),
  host_key: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, 'write it as "ssh-keygen -lf" prints it: SHA256:…').describe('Fingerprint of the server\'s key, as "ssh-keygen -lf" prints it; another key is refused'),
  path: z.string().default('.').describe('Folder that the paths of streams are relative to'),
  timeout: z.coerce.number().int().min(1).default(30).describe('Seconds to wait for the server'),
  unpack: unpackSchema,
}).refine(({ password, private_key: key }) => password !== undefined || key !== undefined, { message: 'give password or private_key', path: ['password'] });
export type SftpConfig = z.output<typeof configSchema>;
