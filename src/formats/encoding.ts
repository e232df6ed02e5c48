import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';

const isKnown = (label: string): boolean => {
  try {
    return new TextDecoder(label) !== null;
  } catch {
    return false;
  }
};

/** Option of every text format. Files in another encoding land as UTF-8. */
export const encodingOption = z.string().refine((label) => label === 'auto' || isKnown(label), 'is no encoding; write auto, utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis …')
  .default('auto').describe('auto: by the byte order mark, else what the first megabyte is like; or a name such as utf-8, windows-1252, utf-16le');

const looked = 1 << 20;

/** The encoding of a file: as told, or by its beginning. Text that is valid UTF-8 but for a few bytes stays UTF-8: those records are set aside. */
export async function encodingOf(path: string, told: string): Promise<string> {
  if (told !== 'auto') return new TextDecoder(told).encoding;
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(looked), 0, looked, 0);
    return detected(buffer.subarray(0, bytesRead), bytesRead < looked);
  } finally {
    await handle.close();
  }
}

export function detected(head: Buffer, whole = true): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8';
  const wide = nulBytes(head);
  if (wide) return wide;
  const text = whole ? head : head.subarray(0, lastWhole(head));
  return isUtf8(text) || !isWesternText(text) ? 'utf-8' : 'windows-1252';
}

/** Text in UTF-16 without a mark has a NUL in every other byte, mostly. */
function nulBytes(head: Buffer): string | null {
  const sample = head.subarray(0, 4096);
  const nuls = [0, 0];
  for (let at = 0; at < sample.length; at += 1) if (sample[at] === 0) nuls[at % 2]! += 1;
  const half = sample.length / 2;
  if (half < 4) return null;
  if (nuls[1]! > half * 0.7 && nuls[0]! < half * 0.1) return 'utf-16le';
  return nuls[0]! > half * 0.7 && nuls[1]! < half * 0.1 ? 'utf-16be' : null;
}

/** Up to the last byte below 0x80: a character may be cut at the end. */
function lastWhole(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1]! >= 0x80) end -= 1;
  return end;
}

/** Bytes above 0x7f that stand beside letters as an ä or é does, and none that could be UTF-8's. */
function isWesternText(bytes: Buffer): boolean {
  let besideLetters = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte < 0x80) continue;
    if (isUtf8Pair(byte, bytes[at + 1])) return false;
    if (byte >= 0xc0 && (isLetter(bytes[at - 1]) || isLetter(bytes[at + 1]))) besideLetters += 1;
  }
  return besideLetters > 0;
}
const isUtf8Pair = (byte: number, next: number | undefined): boolean => byte >= 0xc2 && byte <= 0xf4 && next !== undefined && next >= 0x80 && next <= 0xbf;
const isLetter = (byte: number | undefined): boolean => byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a));

/** What could not be decoded becomes this byte, which is no UTF-8: the record is then set aside like any other of that kind. */
const damaged = Buffer.from([0xff]);

/** A file's text as UTF-8, piece by piece. */
export async function* transcoded(path: string, encoding: string): AsyncGenerator<Buffer> {
  const decoder = encoding === 'utf-16le' || encoding === 'utf-16be' ? utf16(encoding === 'utf-16be') : other(encoding);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) yield decoder(piece as Buffer, false);
  yield decoder(Buffer.alloc(0), true);
}

type Decoder = (piece: Buffer, last: boolean) => Buffer;

function other(encoding: string): Decoder {
  const decoder = new TextDecoder(encoding);
  return (piece, last) => withMarks(decoder.decode(piece, { stream: !last }), /\uFFFD/g);
}

/** By hand, since a decoder hides a lone surrogate. */
function utf16(bigEndian: boolean): Decoder {
  let kept: Buffer = Buffer.alloc(0);
  let first = true;
  return (piece, last) => {
    const bytes = kept.length > 0 ? Buffer.concat([kept, piece]) : Buffer.from(piece);
    let even = bytes.length - (bytes.length % 2);
    // A pair may be cut between its halves.
    if (!last && even >= 2 && isHighSurrogate(bytes, even - 2, bigEndian)) even -= 2;
    kept = bytes.subarray(even);
    const whole = bytes.subarray(0, even);
    if (bigEndian) whole.swap16();
    let text = whole.toString('utf16le');
    if (first && text.length > 0) {
      first = false;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    const out = withMarks(text, /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g);
    return last && kept.length > 0 ? Buffer.concat([out, damaged]) : out;
  };
}
const isHighSurrogate = (bytes: Buffer, at: number, bigEndian: boolean): boolean => ((bigEndian ? bytes[at]! : bytes[at + 1]!) & 0xfc) === 0xd8;

function withMarks(text: string, lost: RegExp): Buffer {
  const parts = text.split(lost);
  if (parts.length === 1) return Buffer.from(text, 'utf8');
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [Buffer.from(part, 'utf8')] : [damaged, Buffer.from(part, 'utf8')])));
}
