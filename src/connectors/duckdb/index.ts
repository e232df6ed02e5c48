import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openDuckDbDestination } from './destination';
import { openDuckDbSource } from './source';

export const duckdb = defineConnector({
  name: 'duckdb',
  summary: 'A DuckDB database file: the default that needs no server',
  configSchema,
  capabilities: {
    loadIsTransactional: true,
    concurrentWriters: false,
    writes: ['append', 'replace', 'merge', 'delete_insert', 'scd2'],
    refuses: { 'visible: batch': 'a DuckDB file always becomes visible as a whole' },
  },
  openSource: openDuckDbSource,
  openDestination: openDuckDbDestination,
});
