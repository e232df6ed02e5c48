import { defineConnector } from '../connector';
import { configSchema } from './config';

export const duckdb = defineConnector({
  name: 'duckdb',
  summary: 'A DuckDB database file: the default that needs no server',
  configSchema,
  holdsTables: true,
  capabilities: {
    loadIsTransactional: true,
    concurrentWriters: false,
    writes: ['append', 'replace', 'merge', 'delete_insert', 'scd2'],
    refuses: { 'visible: batch': 'a DuckDB file always becomes visible as a whole' },
    takesChecks: true,
  },
  source: () => (require('./source') as typeof import('./source')).openDuckDbSource,
  destination: () => (require('./destination') as typeof import('./destination')).openDuckDbDestination,
});
