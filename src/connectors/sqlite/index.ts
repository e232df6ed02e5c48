import { defineConnector } from '../connector';
import { configSchema } from './config';

export const sqlite = defineConnector({
  name: 'sqlite',
  summary: 'Tables and views of an SQLite file',
  configSchema,
  holdsTables: true,
  openSource: (config, context) => (require('./source') as typeof import('./source')).openSqliteSource(config, context),
});
