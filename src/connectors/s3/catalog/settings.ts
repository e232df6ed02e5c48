import { z } from 'zod';

const options = z.strictObject({
  type: z.literal('glue'),
  database: z.string().regex(/^[a-z0-9_]{1,255}$/, 'must be lower-case letters, digits and "_"').optional().describe('Database of the catalog; default: the part of "to" before its dot, else "default"'),
  region: z.string().optional().describe('Region of the catalog; default: that of the bucket'),
  endpoint: z.url().optional().describe('Address of another catalog that speaks Glue\'s language; without it, AWS'),
});

/** `catalog: glue`, or a map. */
export const catalogSchema = z.union([z.literal('glue').transform((type): z.output<typeof options> => ({ type })), options]).optional()
  .describe('glue: tables are registered in the AWS Glue Data Catalog, for Athena and Redshift Spectrum; Parquet only');
export type CatalogSettings = z.output<typeof options>;
