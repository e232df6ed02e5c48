import { defineConnector } from '../connector';
import { openFileSource } from '../file-source';
import { configSchema } from './config';

export const sftp = defineConnector({
  name: 'sftp',
  summary: 'Files of an SSH server in every format; its key is checked, by password or key',
  configSchema,
  source: () => {
    const { sftpPlace } = require('./place') as typeof import('./place');
    return (config, context) => openFileSource(sftpPlace(config, context), config, context);
  },
});
