import { defineConnector } from '../connector';
import { configSchema } from './config';

export const sqlite = defineConnector({
  name: 'sqlite',
  summary: 'Tables and views of an SQLite file',
  configSchema,
  holdsTables: true,
  source: () => (require('./source') as typeof import('./source')).openSqliteSource,
});
