import { z } from 'zod';

/** A connection of `connector: salesforce`. */
export const configSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('My Domain address, such as https://acme.my.salesforce.com'),
  api_version: z.string().regex(/^\d+\.0$/).default('67.0').describe('Version of the API'),
  auth: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('client_credentials'), client_id: z.string().describe('Consumer key'), client_secret: z.string().describe('Consumer secret; write ${env:NAME}') }),
    z.strictObject({
      type: z.literal('jwt_bearer'), client_id: z.string().describe('Consumer key'), user: z.string().describe('User name to act as'),
      private_key: z.string().describe('PEM text; write ${file:PATH}'), audience: z.string().default('https://login.salesforce.com').describe('For a sandbox https://test.salesforce.com'),
    }),
  ]).describe('client_credentials or jwt_bearer of an External Client App'),
  margin: z.coerce.number().min(0).default(300).describe('Seconds before now that are left for the next run'),
  rate_limit: z.strictObject({ requests: z.coerce.number().positive().describe('Requests …'), per: z.coerce.number().positive().default(1).describe('… in this many seconds') }).optional().describe('One budget for all runs and workers that use the connection and share a staging store'),
  timeout: z.coerce.number().positive().default(300).describe('Seconds that one page may take'),
});
export type SalesforceConfig = z.output<typeof configSchema>;
