import { defineConnector } from '../connector';
import { fileCapabilities } from '../file-destination';
import { configSchema } from './config';
import { openS3Destination } from './destination';
import { openS3Source } from './source';

export const s3 = defineConnector({
  name: 's3',
  summary: 'Objects of S3 or an S3-compatible server: files in every format, tables as Parquet, CSV or JSON Lines',
  configSchema,
  capabilities: fileCapabilities,
  openSource: openS3Source,
  openDestination: openS3Destination,
});
