import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { StagingDamagedError } from '../domain/errors';
import type { StagedFile } from '../domain/manifest';
import { piecesOf } from './file-pieces';

/** crc32 in hex over the bytes of a file. */
export async function checksumOf(file: string): Promise<string> {
  let sum = 0;
  for await (const piece of piecesOf(file)) sum = crc32(piece, sum);
  return sum.toString(16).padStart(8, '0');
}

/** Throws StagingDamagedError where the local file is not what was sealed. */
export async function verifyFile(file: string, expected: StagedFile): Promise<void> {
  const found = await stat(file).catch(() => null);
  const problem = !found ? 'is missing'
    : found.size !== expected.bytes ? `has ${found.size} bytes, ${expected.bytes} were written`
      : (await checksumOf(file)) !== expected.checksum ? 'has another checksum than when it was written' : null;
  if (problem) throw damaged(expected.key, problem);
}

export const damaged = (key: string, problem: string): StagingDamagedError =>
  new StagingDamagedError(`reading staged file "${key}": it ${problem}; read the partition again with "millrace retry --reread"`, { key });

export interface KnownFiles {
  add(file: string, checksum: string): Promise<void>;
  has(file: string, checksum: string): Promise<boolean>;
}

/** Files that this process has checksummed are not read again for it while their size and time stay; at most `most` are remembered. */
export function rememberFiles(most = 10_000): KnownFiles {
  const known = new Map<string, string>();
  const stateOf = async (file: string, checksum: string): Promise<string> => {
    const found = await stat(file, { bigint: true }).catch(() => null);
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}:${checksum}` : 'missing';
  };
  return {
    async add(file, checksum) {
      known.set(file, await stateOf(file, checksum));
      if (known.size > most) known.delete(known.keys().next().value!);
    },
    has: async (file, checksum) => known.has(file) && known.get(file) === await stateOf(file, checksum),
  };
}
