import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openPostgresDestination } from './destination';
import { openPostgresSource } from './source';

export const postgres = defineConnector({
  name: 'postgres',
  summary: 'Tables, views and queries of a Postgres database',
  configSchema,
  capabilities: {
    loadIsTransactional: true,
    concurrentWriters: true,
    writes: ['append', 'replace', 'merge', 'delete_insert', 'scd2'],
    refuses: {},
  },
  openSource: openPostgresSource,
  openDestination: openPostgresDestination,
});
