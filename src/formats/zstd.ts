import { Decompress } from 'fzstd';
import type { XXHash } from 'xxhash-wasm' with { 'resolution-mode': 'import' };

/** Bytes of a stream by their number. */
interface Taker {
  /** Null: it ends before the first of them. Throws where it ends among them. */
  take(count: number): Promise<Buffer | null>;
}

/** Beyond it the tools of zstd refuse a frame, too: so much memory is taken for a window before anything is unpacked. */
const largestWindow = 128 * 2 ** 20;
const frameMark = 0xfd2fb528;
/** Written by pzstd and others between frames; holds nothing. */
const isSkippable = (mark: number): boolean => (mark & 0xfffffff0) >>> 0 === 0x184d2a50;

/** Whether a file begins as zstd does. */
export const startsAsZstd = (head: Buffer): boolean => head.length >= 4 && (head.readUInt32LE(0) === frameMark || isSkippable(head.readUInt32LE(0)));

/**
 * Frame by frame, block by block, so that each frame's own checksum and size are held against what came out: the decoder looks at neither, and a
 * damaged file would go through with other values.
 */
export async function* unzstd(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { take } = takerOf(bytes);
  const { create64 } = await (await import('xxhash-wasm')).default();
  for (let mark = await take(4); mark !== null; mark = await take(4)) {
    const value = mark.readUInt32LE(0);
    if (isSkippable(value)) await skip(take, (await whole(take, 4)).readUInt32LE(0));
    else if (value === frameMark) yield* frame(take, mark, create64());
    else throw new Error('what follows its last frame is not zstd');
  }
}

async function* frame(take: Taker['take'], mark: Buffer, hash: XXHash<bigint>): AsyncGenerator<Buffer> {
  const ready: Buffer[] = [];
  // The decoder writes into the same memory again.
  const decoder = new Decompress((part) => { if (part.length > 0) ready.push(Buffer.from(part)); });
  const header = await headerOf(take);
  decoder.push(Buffer.concat([mark, header.bytes]));
  let size = 0n;
  let sum: Buffer = Buffer.alloc(0);
  for (let last = false; !last;) {
    const start = await whole(take, 3);
    const word = start.readUIntLE(0, 3);
    last = (word & 1) === 1;
    // A block of one byte that repeats holds that byte alone.
    const block = await whole(take, ((word >> 1) & 3) === 1 ? 1 : word >> 3);
    if (last && header.hasChecksum) sum = await whole(take, 4);
    decoder.push(Buffer.concat(last ? [start, block, sum, padding] : [start, block]));
    for (const part of ready.splice(0)) {
      size += BigInt(part.length);
      if (header.hasChecksum) hash.update(part);
      yield part;
    }
  }
  if (header.size !== null && header.size !== size) throw new Error(`a frame of ${header.size} bytes unpacks to ${size}`);
  if (header.hasChecksum && sum.readUInt32LE(0) !== Number(hash.digest() & 0xffffffffn)) throw new Error('its content does not match its checksum');
}

/** A frame that is skipped: the decoder begins with nothing that is shorter. */
const padding = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 10, 0, 0, 0]), Buffer.alloc(10)]);

interface FrameHeader { readonly bytes: Buffer; readonly hasChecksum: boolean; /** Null: not told. */ readonly size: bigint | null }

/** As RFC 8878 has it, 3.1.1.1. */
async function headerOf(take: Taker['take']): Promise<FrameHeader> {
  const flags = await whole(take, 1);
  const flag = flags[0]!;
  const isSingle = (flag & 0x20) !== 0;
  const sizeBytes = flag >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flag >> 6);
  const windowByte = isSingle ? Buffer.alloc(0) : await whole(take, 1);
  const dictionary = await whole(take, [0, 1, 2, 4][flag & 3]!);
  const told = await whole(take, sizeBytes);
  if (dictionary.some((byte) => byte !== 0)) throw new Error('it was packed with a dictionary, without which it cannot be unpacked');
  const size = sizeBytes === 0 ? null : Buffer.concat([told, Buffer.alloc(8 - sizeBytes)]).readBigUInt64LE(0) + (sizeBytes === 2 ? 256n : 0n);
  const window = isSingle ? Number(size) : windowOf(windowByte[0]!);
  if (window > largestWindow) throw new Error(`it needs a window of ${window} bytes, at most ${largestWindow} are taken; pack it without "--long" or "--ultra"`);
  return { bytes: Buffer.concat([flags, windowByte, dictionary, told]), hasChecksum: (flag & 4) !== 0, size };
}

const windowOf = (byte: number): number => 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8);

async function whole(take: Taker['take'], count: number): Promise<Buffer> {
  if (count === 0) return Buffer.alloc(0);
  const bytes = await take(count);
  if (!bytes) throw cutOff();
  return bytes;
}

const cutOff = (): Error => new Error('it ends in the middle of a frame');

async function skip(take: Taker['take'], count: number): Promise<void> {
  const step = 1 << 16;
  for (let left = count; left > 0; left -= step) await whole(take, Math.min(step, left));
}

function takerOf(bytes: AsyncIterable<Buffer>): Taker {
  const pieces = bytes[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  return {
    async take(count) {
      while (held.length < count) {
        const next = await pieces.next();
        if (next.done) {
          if (held.length > 0) throw cutOff();
          return null;
        }
        held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
      }
      const taken = held.subarray(0, count);
      held = held.subarray(count);
      return taken;
    },
  };
}
