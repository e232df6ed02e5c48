import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openFilesDestination } from './destination';
import { openFilesSource } from './source';

export const files = defineConnector({
  name: 'files',
  summary: 'Local files: CSV, JSON, JSON Lines, Parquet; gzip and zstd',
  configSchema,
  capabilities: {
    loadIsTransactional: false,
    concurrentWriters: true,
    writes: ['append', 'replace'],
    refuses: {
      merge: 'files take no updates: write "replace", or merge in a database', scd2: 'files take no updates', delete_insert: 'delete_insert into files is not available yet',
      keep_previous: 'keep_previous is not available yet', 'visible: batch': 'files become visible with their head file, all of a run at once',
    },
  },
  openSource: openFilesSource,
  openDestination: openFilesDestination,
});
