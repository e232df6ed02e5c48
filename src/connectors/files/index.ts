import { defineConnector } from '../connector';
import { fileCapabilities } from '../file-destination';
import { configSchema } from './config';
import { openFilesDestination } from './destination';
import { openFilesSource } from './source';

export const files = defineConnector({
  name: 'files',
  summary: 'Local files: CSV, JSON, JSON Lines, Parquet; gzip and zstd',
  configSchema,
  capabilities: fileCapabilities,
  openSource: openFilesSource,
  openDestination: openFilesDestination,
});
