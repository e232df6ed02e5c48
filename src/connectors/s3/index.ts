import { defineConnector } from '../connector';
import { fileCapabilities } from '../file-destination';
import { configSchema } from './config';

export const s3 = defineConnector({
  name: 's3',
  summary: 'Objects of S3 or an S3-compatible server: files in every format, tables as Parquet, CSV or JSON Lines',
  configSchema,
  capabilities: fileCapabilities,
  source: () => (require('./source') as typeof import('./source')).openS3Source,
  destination: () => (require('./destination') as typeof import('./destination')).openS3Destination,
});
