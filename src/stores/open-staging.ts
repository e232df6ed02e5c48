import path from 'node:path';
import { ConfigurationError } from '../domain/errors';
import { openLocalStaging } from './local-staging';
import { objectStoreSchema, type ObjectStoreSettings } from './object-store/settings';
import type { StagingStore } from './staging';

export interface StagingSettings {
  /** `s3://bucket/prefix?region=…&endpoint=…`; undefined: the folder `staging` of the home. */
  readonly staging: string | undefined;
  readonly home: string;
  /** Bytes of local copies, for a store that is not local. */
  readonly stagingCache: number;
}

export function openStaging({ staging, home, stagingCache }: StagingSettings): Promise<StagingStore> {
  if (staging === undefined) return openLocalStaging(path.join(home, 'staging'));
  // The AWS SDK is loaded by those who need it.
  const { openS3Staging } = require('./s3-staging') as typeof import('./s3-staging');
  return openS3Staging({ settings: settingsOf(staging), cache: path.join(home, 'staging-cache'), cacheLimit: stagingCache });
}

/** Credentials come from the ordinary AWS chain, so that the address may be shown. */
function settingsOf(address: string): ObjectStoreSettings {
  const refuse = (problem: string) => new ConfigurationError(`reading MILLRACE_STAGING "${address}": ${problem}; write s3://bucket/prefix, with ?region=…, endpoint, path_style, checksums, profile, kms_key, part_size or parallel where needed`);
  if (!URL.canParse(address) || new URL(address).protocol !== 's3:') throw refuse('it is no s3 address');
  const { hostname, pathname, searchParams } = new URL(address);
  const options = Object.fromEntries([...searchParams].map(([name, value]) => [name, name === 'path_style' ? value === 'true' : value]));
  const parsed = objectStoreSchema.safeParse({ bucket: hostname, prefix: pathname, ...options });
  if (!parsed.success) throw refuse(parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; '));
  return parsed.data;
}
