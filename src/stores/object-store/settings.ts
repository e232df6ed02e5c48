import { z } from 'zod';

const secret = 'write ${env:NAME} or ${file:PATH}, not the value itself';

/** Options of a connection to S3 or to a server that speaks its language. */
export const objectStoreSchema = z.strictObject({
  bucket: z.string().min(3).describe('Bucket'),
  prefix: z.string().default('').describe('Everything lies below it, such as "lake"').transform((prefix) => prefix.replace(/^\/+|\/+$/g, '')),
  region: z.string().optional().describe('Region of the bucket; else that of the AWS profile or environment'),
  endpoint: z.url().optional().describe('Address of an S3-compatible server; without it, AWS'),
  path_style: z.boolean().optional().describe('Bucket in the path instead of the host name; default true where endpoint is set'),
  checksums: z.enum(['supported', 'required']).default('supported').describe('supported: CRC32 on every object; required: only where the operation demands it, for servers that refuse the rest'),
  profile: z.string().optional().describe('Profile of the AWS configuration files; else the ordinary credential chain'),
  access_key_id: z.string().optional().describe(`Key of a user; ${secret}`),
  secret_access_key: z.string().optional().describe(`Its secret; ${secret}`),
  session_token: z.string().optional().describe(`Of temporary credentials; ${secret}`),
  kms_key: z.string().optional().describe('KMS key (id or ARN) that objects are encrypted with; "aws" for the key of the account'),
  part_size: z.coerce.number().int().min(5).max(512).default(16).describe('MiB of one part of an upload'),
  parallel: z.coerce.number().int().min(1).max(64).default(4).describe('Parts and objects in flight; with part_size it bounds the memory of a transfer'),
}).refine((settings) => (settings.access_key_id === undefined) === (settings.secret_access_key === undefined), { message: 'give both access_key_id and secret_access_key, or neither', path: ['access_key_id'] });

export type ObjectStoreSettings = z.output<typeof objectStoreSchema>;
