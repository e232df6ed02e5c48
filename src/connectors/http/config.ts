import { z } from 'zod';
import { unpackSchema } from '../file-source';

/** A connection of `connector: http`. */
export const configSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('Address that the paths of streams are added to, such as https://example.org/data/'),
  user: z.string().optional().describe('For basic authentication'),
  password: z.string().optional().describe('Its password; write ${env:NAME} or ${file:PATH}'),
  token: z.string().optional().describe('For bearer authentication; write ${env:NAME} or ${file:PATH}'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent with each request'),
  timeout: z.coerce.number().int().min(1).default(60).describe('Seconds without a byte after which a connection is given up'),
  unpack: unpackSchema,
}).refine(({ user, token }) => !(user !== undefined && token !== undefined), { message: 'give either user and password or token', path: ['token'] });
export type HttpConfig = z.output<typeof configSchema>;
