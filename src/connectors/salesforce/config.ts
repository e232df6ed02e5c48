import { z } from 'zod';
import { baseAddress } from '../rest/config';

/** A connection of `connector: salesforce`. */
export const configSchema = z.strictObject({
  url: baseAddress.describe('My Domain address, such as https://acme.my.salesforce.com'),
  api_version: z.string().regex(/^\d+\.0$/).refine((text) => Number(text) >= 50, { message: 'write 50.0 or later' }).default('67.0').describe('Version of the API'),
  auth: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('client_credentials'), client_id: z.string().describe('Consumer key'), client_secret: z.string().describe('Consumer secret; write ${env:NAME}') }),
    z.strictObject({
      type: z.literal('jwt_bearer'), client_id: z.string().describe('Consumer key'), user: z.string().describe('User name to act as'),
      private_key: z.string().describe('PEM text; write ${file:PATH}'), audience: z.string().default('https://login.salesforce.com').describe('For a sandbox https://test.salesforce.com'),
    }),
  ]).describe('client_credentials or jwt_bearer of an External Client App'),
  api: z.enum(['auto', 'bulk', 'rest']).default('auto').describe('bulk: Bulk API 2.0 jobs; rest: queries; auto: bulk from bulk_from records on'),
  bulk_from: z.coerce.number().int().min(0).default(20_000).describe('Records from which auto takes the Bulk API'),
  bulk_page: z.coerce.number().int().min(1).max(1_000_000).default(50_000).describe('Records of one result page'),
  bulk_parallel: z.coerce.number().int().min(1).max(5).default(1).describe('Result pages fetched at once; more than 1 leaves their size to Salesforce and needs api_version 58.0'),
  daily_share: z.coerce.number().gt(0).max(1).default(0.9).describe('Part of the org\'s daily requests, whoever sends them, from which on Millrace waits'),
  margin: z.coerce.number().min(0).default(300).describe('Seconds before now that are left for the next run'),
  rate_limit: z.strictObject({ requests: z.coerce.number().positive().describe('Requests …'), per: z.coerce.number().positive().default(1).describe('… in this many seconds') }).optional().describe('One budget for all runs and workers that use the connection and share a staging store'),
  timeout: z.coerce.number().positive().default(300).describe('Seconds that one page may take'),
  max_page_bytes: z.coerce.number().int().positive().default(2 ** 30).describe('Bytes that one page may have'),
}).refine(({ bulk_parallel: parallel, api_version: version }) => parallel === 1 || Number(version) >= 58, { message: 'needs api_version 58.0 or later', path: ['bulk_parallel'] });
export type SalesforceConfig = z.output<typeof configSchema>;
