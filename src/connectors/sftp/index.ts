import { defineConnector } from '../connector';
import { openFileSource } from '../file-source';
import { configSchema } from './config';

export const sftp = defineConnector({
  name: 'sftp',
  summary: 'Files of an SSH server in every format; its key is checked, by password or key',
  configSchema,
  openSource: (config, context) => openFileSource((require('./place') as typeof import('./place')).sftpPlace(config, context), config, context),
});
