import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openS3Source } from './source';

export const s3 = defineConnector({
  name: 's3',
  summary: 'Objects of S3 or an S3-compatible server, in every file format',
  configSchema,
  openSource: openS3Source,
});
