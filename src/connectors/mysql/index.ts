import { defineConnector } from '../connector';
import { configSchema } from './config';

export const mysql = defineConnector({
  name: 'mysql',
  summary: 'Tables and views of a MySQL or MariaDB database',
  configSchema,
  holdsTables: true,
  source: () => (require('./source') as typeof import('./source')).openMysqlSource,
});
