import { createHash } from 'node:crypto';
import path from 'node:path';
import { openLocalStaging } from './local-staging';
import { stagingSettings } from './staging-address';
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
  return openShared({ address: staging, word: 'MILLRACE_STAGING', cache: path.join(home, 'staging-cache'), stagingCache });
}

/** The staging that a pipeline names with `staging: s3://…`. Its local copies lie apart from those of other stores. */
export const openNamedStaging = (address: string, { home, stagingCache }: Pick<StagingSettings, 'home' | 'stagingCache'>): Promise<StagingStore> =>
  openShared({ address, word: 'staging', cache: path.join(home, 'staging-cache', `named-${createHash('sha256').update(address).digest('hex').slice(0, 12)}`), stagingCache });

function openShared({ address, word, cache, stagingCache }: { readonly address: string; readonly word: string; readonly cache: string; readonly stagingCache: number }): Promise<StagingStore> {
  // The AWS SDK is loaded by those who need it.
  const { openS3Staging } = require('./s3-staging') as typeof import('./s3-staging');
  return openS3Staging({ settings: stagingSettings(address, word), cache, cacheLimit: stagingCache });
}
