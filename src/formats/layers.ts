import { startsAsZstd } from './zstd';

/** How bytes are packed, told by their first bytes: a name may lie or say nothing. */
export const layers = ['gzip', 'bzip2', 'zstd', 'xz', 'zip', 'tar'] as const;
export type Layer = (typeof layers)[number];
export type Compression = Exclude<Layer, 'zip' | 'tar'>;

/** Bytes that `layerOf` must see, or all there are. */
export const layerBytes = 512;

export function layerOf(head: Buffer): Layer | null {
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08) return 'gzip';
  if (head.subarray(0, 3).equals(Buffer.from('BZh')) && isBzip2(head)) return 'bzip2';
  if (startsAsZstd(head)) return 'zstd';
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]))) return 'xz';
  if (isZip(head)) return 'zip';
  return isTar(head) ? 'tar' : null;
}

/** Level, then the mark of a first block or, in an empty file, of the end. */
const isBzip2 = (head: Buffer): boolean =>
  head[3]! >= 0x31 && head[3]! <= 0x39 && ['314159265359', '177245385090'].includes(head.subarray(4, 10).toString('hex'));

const isZip = (head: Buffer): boolean => head.length >= 4 && [0x04034b50, 0x06054b50].includes(head.readUInt32LE(0));

/** The header's sum of its own bytes tells a tar of any age from text that looks like one. */
function isTar(head: Buffer): boolean {
  if (head.length < layerBytes || head[0] === 0) return false;
  const told = Number.parseInt(head.toString('latin1', 148, 156).replace(/\0.*$/, '').trim(), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < layerBytes; at += 1) sum += at >= 148 && at < 156 ? 0 : head[at]!;
  return told === sum;
}

const endings: Readonly<Record<string, string>> = { tgz: '.tar', tbz: '.tar', tbz2: '.tar', txz: '.tar', tzst: '.tar', gz: '', gzip: '', bz2: '', zst: '', zstd: '', xz: '' };

/** `a.csv.gz` → `a.csv`, `a.tgz` → `a.tar`. */
export function withoutCompression(name: string): string {
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase();
  return ending !== undefined && ending in endings ? name.slice(0, -ending.length - 1) + endings[ending] : name;
}

/** Through all compressions that a name speaks of. */
export function bareName(name: string): string {
  const bare = withoutCompression(name);
  return bare === name ? name : bareName(bare);
}
