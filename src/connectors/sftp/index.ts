import { defineConnector } from '../connector';
import { openFileSource } from '../file-source';
import { configSchema } from './config';
import { sftpPlace } from './place';

export const sftp = defineConnector({
  name: 'sftp',
  summary: 'Files of an SSH server in every format; its key is checked, by password or key',
  configSchema,
  openSource: (config, context) => openFileSource(sftpPlace(config, context), config, context),
});
