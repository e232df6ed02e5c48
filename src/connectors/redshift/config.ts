import { z } from 'zod';
import { objectStoreSchema } from '../../stores/object-store';

const secret = 'write ${env:NAME} or ${file:PATH}, not the value itself';

/** How a table that Millrace makes is spread over the slices; without it Redshift decides. */
const tableSchema = z.strictObject({
  distkey: z.string().optional().describe('Column whose equal values lie on one slice'),
  diststyle: z.enum(['auto', 'even', 'all', 'key']).optional().describe('How rows are spread; key needs distkey'),
  sortkey: z.array(z.string()).min(1).optional().describe('Columns that rows are kept sorted by'),
}).refine(({ diststyle, distkey }) => (diststyle === 'key') === (distkey !== undefined && diststyle !== undefined), { message: '"diststyle: key" goes with "distkey", and no other does', path: ['diststyle'] });

/** A connection of `connector: redshift`. */
export const configSchema = z.strictObject({
  workgroup: z.string().min(3).optional().describe('Name of a Redshift Serverless workgroup; else give cluster'),
  cluster: z.string().min(1).optional().describe('Identifier of a provisioned cluster; else give workgroup'),
  db_user: z.string().optional().describe('Database user of a cluster; without it the IAM identity'),
  secret_arn: z.string().optional().describe('ARN of a secret in Secrets Manager with user and password, instead of IAM'),
  database: z.string().min(1).describe('Database'),
  schema: z.string().default('public').describe('Where tables named without a schema lie, and the system tables'),
  region: z.string().optional().describe('Region of the warehouse; else that of the AWS profile or environment'),
  endpoint: z.url().optional().describe('Address of a server that speaks the Data API; without it, AWS'),
  profile: z.string().optional().describe('Profile of the AWS configuration files; else the ordinary credential chain'),
  access_key_id: z.string().optional().describe(`Key of a user; ${secret}`),
  secret_access_key: z.string().optional().describe(`Its secret; ${secret}`),
  session_token: z.string().optional().describe(`Of temporary credentials; ${secret}`),
  staging: objectStoreSchema.describe('Bucket that files for COPY are put into, in the region of the warehouse; everything below its prefix is Millrace\'s'),
  iam_role: z.string().default('default').describe('ARN of the role that COPY reads the bucket with; "default" for the default role of the warehouse'),
  files: z.coerce.number().int().min(1).max(512).default(1).describe('Slices of the warehouse, or a multiple: a batch of some size is as many files, or a multiple'),
  format: z.enum(['csv', 'parquet']).default('csv').describe('What COPY reads: gzip CSV, or Parquet, for which the bucket must lie in the region of the warehouse'),
  misfits: z.enum(['quarantine', 'hold']).default('quarantine').describe('What becomes of rows with a value that the table cannot hold (NaN, infinity, NUL, text longer than its column, NULL where none may be, …): set aside with the reason, or the batch is held'),
  tables: z.record(z.string(), tableSchema).default({}).describe('Per table (schema.table): distkey, diststyle, sortkey, of tables that Millrace makes'),
}).refine(({ workgroup, cluster }) => (workgroup === undefined) !== (cluster === undefined), { message: 'give either workgroup or cluster', path: ['workgroup'] })
  .refine(({ workgroup, db_user: user }) => workgroup === undefined || user === undefined, { message: 'a workgroup takes no db_user; the database user follows from the IAM identity or secret_arn', path: ['db_user'] })
  .refine(({ secret_arn: arn, db_user: user }) => arn === undefined || user === undefined, { message: 'give either db_user or secret_arn', path: ['db_user'] })
  .refine((settings) => (settings.access_key_id === undefined) === (settings.secret_access_key === undefined), { message: 'give both access_key_id and secret_access_key, or neither', path: ['access_key_id'] });

export type RedshiftConfig = z.output<typeof configSchema>;

/** For people: no secret in it. */
export const addressOf = ({ workgroup, cluster, database }: RedshiftConfig): string => `${workgroup ?? cluster}/${database}`;
