import { defineConnector } from '../connector';
import { configSchema } from './config';
import { openRestLookup } from './lookup';
import { openRestSource } from './source';

export const rest = defineConnector({
  name: 'rest',
  summary: 'REST APIs declared in the connection: every page is landed and asked for once',
  configSchema,
  takesCursor: true,
  source: () => openRestSource,
  lookup: () => openRestLookup,
});
