import type { z } from 'zod';
import { objectStoreSchema } from '../../stores/object-store/settings';
import { unpackSchema } from '../file-source';
import { catalogSchema } from './catalog/settings';

/** A connection of `connector: s3`. */
export const configSchema = objectStoreSchema.safeExtend({ unpack: unpackSchema, catalog: catalogSchema });
export type S3Config = z.output<typeof configSchema>;
