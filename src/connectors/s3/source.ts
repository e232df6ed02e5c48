import type { ConnectorContext, Source } from '../connector';
import { openFileSource } from '../file-source';
import type { S3Config } from './config';
import { s3Place } from './place';

/** Objects of a bucket in every format. */
export const openS3Source = (config: S3Config, context: ConnectorContext): Promise<Source> => openFileSource(s3Place(config, context), config, context);
