import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openFilesSource } from './source';

export const files = defineConnector({
  name: 'files',
  summary: 'Local files: CSV, JSON, JSON Lines, Parquet; gzip and zstd',
  configSchema,
  openSource: openFilesSource,
});
