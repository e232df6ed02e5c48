import { defineConnector } from '../connector';
import { configSchema } from './config';

export const redshift = defineConnector({
  name: 'redshift',
  summary: 'Tables of Amazon Redshift, serverless or provisioned, by the Data API, COPY and UNLOAD',
  configSchema,
  holdsTables: true,
  capabilities: {
    loadIsTransactional: true,
    concurrentWriters: true,
    writes: ['append', 'replace', 'merge', 'delete_insert', 'scd2'],
    refuses: { 'visible: batch': 'a run becomes visible as a whole, in one transaction' },
  },
  source: () => (require('./source') as typeof import('./source')).openRedshiftSource,
  destination: () => (require('./destination') as typeof import('./destination')).openRedshiftDestination,
});
