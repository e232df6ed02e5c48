import { defineConnector } from '../connector';
import { configSchema } from './config';

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
    takesChecks: true,
  },
  source: () => (require('./source') as typeof import('./source')).openPostgresSource,
  destination: () => (require('./destination') as typeof import('./destination')).openPostgresDestination,
});
