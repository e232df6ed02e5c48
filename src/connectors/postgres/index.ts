import { defineConnector } from '../connector';
import { configSchema } from './config';

/** A system's driver is loaded when it is first opened: most commands need none. */
export const postgres = defineConnector({
  name: 'postgres',
  summary: 'Tables, views and queries of a Postgres database',
  configSchema,
  holdsTables: true,
  capabilities: {
    loadIsTransactional: true,
    concurrentWriters: true,
    writes: ['append', 'replace', 'merge', 'delete_insert', 'scd2'],
    refuses: {},
  },
  openSource: (config, context) => (require('./source') as typeof import('./source')).openPostgresSource(config, context),
  openDestination: (config, context) => (require('./destination') as typeof import('./destination')).openPostgresDestination(config, context),
});
