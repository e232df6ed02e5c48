import { defineConnector } from '../connector';
import { openFileSource } from '../file-source';
import { configSchema } from './config';
import { httpPlace } from './place';

export const http = defineConnector({
  name: 'http',
  summary: 'Files of a web server in every format; broken downloads go on where they were',
  configSchema,
  source: () => (config, context) => openFileSource(httpPlace(config, context), config, context),
});
