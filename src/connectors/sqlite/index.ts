import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openSqliteSource } from './source';

export const sqlite = defineConnector({
  name: 'sqlite',
  summary: 'Tables and views of an SQLite file',
  configSchema,
  capabilities: { loadIsTransactional: true, concurrentWriters: true, writes: [], refuses: {} },
  openSource: openSqliteSource,
});
