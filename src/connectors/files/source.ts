import type { ConnectorContext, Source } from '../connector';
import { openFileSource } from '../file-source';
import type { FilesConfig } from './config';
import { localPlace } from './place';

/** Local files in every format. */
export const openFilesSource = (config: FilesConfig, context: ConnectorContext): Promise<Source> => openFileSource(localPlace(config, context), config, context);
