import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openSalesforceSource } from './source';

export const salesforce = defineConnector({
  name: 'salesforce',
  summary: 'Salesforce objects by bulk query job or REST query, with their types; incremental on SystemModstamp, deleted records included',
  configSchema,
  takesCursor: true,
  source: () => openSalesforceSource,
});
