import { createHash } from 'node:crypto';
import { openObjectStore } from '../../stores/object-store';
import type { RedshiftConfig } from './config';
import type { Names } from './names';
import { quoteLiteral } from './quote';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Where files of one stream's fence lie, under the prefix of the staging bucket. */
const homeOf = ({ workgroup, cluster, database, schema }: RedshiftConfig, names: Names): string => `${hashOf([workgroup ?? cluster, database, schema].join('\n'))}/${names.hash}`;

/** Of one claim. */
export const homeOfFence = (config: RedshiftConfig, names: Names, fence: number): string => `${homeOf(config, names)}/f${fence}`;

/** Of one batch. */
export const homeOfBatch = (config: RedshiftConfig, names: Names, fence: number, batchId: string): string => `${homeOfFence(config, names, fence)}/${hashOf(batchId)}`;

/** As COPY and UNLOAD name it. */
export const roleSql = ({ iam_role: role }: RedshiftConfig): string => (role === 'default' ? 'default' : quoteLiteral(role));

/** Files of fences up to `upTo`: nobody loads them any more. */
export const removeStaged = (config: RedshiftConfig, names: Names, upTo: number): Promise<void> =>
  removeBelow(config, `${homeOf(config, names)}/`, (key) => Number(/\/f(\d+)\//.exec(key)?.[1] ?? Infinity) <= upTo);

export async function removeBelow(config: RedshiftConfig, folder: string, wanted = (_key: string): boolean => true): Promise<void> {
  const store = openObjectStore(config.staging, 'destination');
  try {
    const keys: string[] = [];
    for await (const { key } of store.list(folder)) if (wanted(key)) keys.push(key);
    await store.remove(keys);
  } finally {
    store.close();
  }
}
