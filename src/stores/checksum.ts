import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { StagingDamagedError } from '../domain/errors';
import type { StagedFile } from '../domain/manifest';
import { piecesOf } from './file-pieces';

/** A file's bytes as they were counted and summed up, either where they were written or by reading them again. */
export interface Measured {
  readonly bytes: number;
  /** crc32 in hex. */
  readonly checksum: string;
}

export function createChecksum(): { add(piece: Buffer): void; bytes(): number; measured(): Measured } {
  let [bytes, sum] = [0, 0];
  return {
    add(piece) {
      bytes += piece.length;
      sum = crc32(piece, sum);
    },
    bytes: () => bytes,
    measured: () => ({ bytes, checksum: sum.toString(16).padStart(8, '0') }),
  };
}

/** By reading it. @param seen is shown each piece, which holds only until it returns. */
export async function measureFile(file: string, seen: (piece: Buffer) => void = () => undefined): Promise<Measured> {
  const checksum = createChecksum();
  for await (const piece of piecesOf(file)) {
    checksum.add(piece);
    seen(piece);
  }
  return checksum.measured();
}

export const checksumOf = async (file: string): Promise<string> => (await measureFile(file)).checksum;

/** Of a file that is to be sealed: what was measured on the way to it must be what lies there. */
export async function measuredThere(file: string, key: string, measured: Measured | undefined): Promise<Measured> {
  if (!measured) return await measureFile(file);
  const { size } = await stat(file);
  if (size !== measured.bytes) throw damaged(key, `has ${size} bytes, ${measured.bytes} were written`);
  return measured;
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
