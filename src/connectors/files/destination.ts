import { existsSync } from 'node:fs';
import path from 'node:path';
import { slug } from '../../domain/ids';
import type { ConnectorContext, Destination } from '../connector';
import { openFileDestination } from '../file-destination';
import type { FilesConfig } from './config';
import { localTable } from './table-store';

/** Tables as folders of this machine. */
export function openFilesDestination(config: FilesConfig, context: ConnectorContext): Promise<Destination> {
  const root = path.resolve(context.baseFolder, config.path);
  return openFileDestination({
    check: async () => ({ ok: true, messages: [`"${context.connection}": folder "${root}"${existsSync(root) ? '' : ' (will be made)'}`] }),
    open: (to) => localTable(path.join(root, ...to.split('.').map(slug))),
    close: async () => undefined,
  }, context);
}
