import { defineConnector } from '../connector';
import { fileCapabilities } from '../file-destination';
import { configSchema } from './config';

export const s3 = defineConnector({
  name: 's3',
  summary: 'Objects of S3 or an S3-compatible server: files in every format, tables as Parquet, CSV or JSON Lines',
  configSchema,
  capabilities: fileCapabilities,
  openSource: (config, context) => (require('./source') as typeof import('./source')).openS3Source(config, context),
  openDestination: (config, context) => (require('./destination') as typeof import('./destination')).openS3Destination(config, context),
});
