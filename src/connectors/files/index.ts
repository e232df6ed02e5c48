import { defineConnector } from '../connector';
import { fileCapabilities } from '../file-destination';
import { configSchema } from './config';
import { openFilesDestination } from './destination';
import { openFilesSource } from './source';

export const files = defineConnector({
  name: 'files',
  summary: 'Files of this machine in every format, packed or in archives; tables as Parquet, CSV or JSON Lines',
  configSchema,
  capabilities: fileCapabilities,
  source: () => openFilesSource,
  destination: () => openFilesDestination,
});
