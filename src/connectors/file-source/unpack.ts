import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { SourceHeldError } from '../../domain/errors';
import { decompressed } from '../../formats/decompress';
import { layerBytes, layerOf, withoutCompression } from '../../formats/layers';
import { writeCounted, type Counted, type CounterFor } from './counted';
import { createGuard, type Guard } from './guard';
import { writeHead, type Head } from './head';
import type { UnpackLimits } from './settings';
import { tarMembers } from './tar';
import { zipMembers } from './zip';

/** A local file that is no longer packed. */
export interface Unpacked {
  /** Name for people and for the format: `orders.csv`; inside an archive `drop.zip!eu/orders.csv`. It is never used as a path. */
  readonly name: string;
  readonly key: string;
  readonly path: string;
  /** Null: only its beginning was written. */
  readonly counted: Counted | null;
}

export interface UnpackRequest {
  readonly file: string;
  /** Of the file, for people. */
  readonly label: string;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
  /** A new, empty file; names are never taken from an archive, so that none can lead outside. */
  create(name: string): Promise<{ readonly key: string; readonly path: string }>;
  /** Whether files of this name are read; others in an archive are passed over. */
  wanted(name: string): boolean;
  /** Only this much of a file that is compressed is wanted; all of what is in an archive. */
  readonly head?: Head;
  /** How the records of a file of this name are counted as it is written; absent: they are not. */
  readonly counterFor?: (name: string) => CounterFor;
  /** Whether a file of this name is a zip as such (a workbook) and stays one. */
  isContainer(name: string): boolean;
}

interface Walk extends UnpackRequest { readonly guard: Guard; readonly found: Unpacked[] }

/** Opens every layer of a file, whatever its name says. Null: it is not packed. */
export async function unpack(request: UnpackRequest): Promise<readonly Unpacked[] | null> {
  const { file, label, limits } = request;
  const head = await headOf(file);
  if (head.length === 0 && withoutCompression(label) !== label) throw new SourceHeldError(`unpacking "${label}": it is empty, which no packed file is; fetch the file again, then "millrace resume RUN"`, { file: label });
  const layer = layerOf(head);
  if (layer === null || (layer === 'zip' && request.isContainer(label))) return null;
  const walk: Walk = { ...request, guard: createGuard(label, (await stat(file)).size, limits), found: [] };
  if (layer === 'zip') await openZip(walk, file, label, 1);
  else await openStream(walk, createReadStream(file, { highWaterMark: 1 << 20 }), label, 0);
  return walk.found;
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(layerBytes), 0, layerBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function openStream(walk: Walk, bytes: AsyncIterable<Buffer>, name: string, depth: number): Promise<void> {
  walk.guard.depth(depth);
  const { head, rest } = await peek(bytes);
  const layer = walk.isContainer(name) ? null : layerOf(head);
  switch (layer) {
    case null: return await keep(walk, rest, name);
    case 'tar': return await tarMembers(rest, (member, content) => openMember(walk, content, `${name}!${member}`, depth + 1));
    case 'zip': {
      // A zip is read from its end.
      const place = await walk.create('zip');
      await writeCounted(guarded(walk, rest), place.path, uncounted);
      return await openZip(walk, place.path, name, depth + 1);
    }
    default: return await openStream(walk, decompressed(rest, layer), withoutCompression(name), depth + 1);
  }
}

const openZip = (walk: Walk, file: string, name: string, depth: number): Promise<void> =>
  zipMembers(file, name, (member, content) => openMember(walk, content, `${name}!${member}`, depth));

async function openMember(walk: Walk, content: AsyncIterable<Buffer>, name: string, depth: number): Promise<void> {
  walk.signal.throwIfAborted();
  walk.guard.member();
  const own = name.split('!').at(-1)!;
  if (/^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(own)) throw new SourceHeldError(`unpacking "${walk.label}": a file in it is named "${own}", which leads out of its folder; such an archive was made to do harm, or pack it anew`, { file: walk.label });
  if (isLitter(name)) {
    for await (const _piece of content) walk.signal.throwIfAborted();
    return;
  }
  await openStream(walk, content, name, depth);
}

/** What systems leave in archives beside the files that were meant. */
const isLitter = (name: string): boolean => /(^|[/!])__MACOSX\//.test(name) || /^(\._.*|\.DS_Store|Thumbs\.db)$/.test(path.posix.basename(name.split('!').at(-1)!));

async function keep(walk: Walk, bytes: AsyncIterable<Buffer>, name: string): Promise<void> {
  if (!walk.wanted(name)) {
    for await (const piece of bytes) walk.guard.bytes(piece.length);
    return;
  }
  const place = await walk.create(name);
  const counted = walk.head && !name.includes('!') ? await writeHead(bytes, place.path, walk.head, (count) => walk.guard.bytes(count)).then(() => null)
    : await writeCounted(guarded(walk, bytes), place.path, walk.counterFor?.(name) ?? uncounted);
  walk.found.push({ name, ...place, counted });
}

const uncounted: CounterFor = async () => null;

async function* guarded(walk: Walk, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    walk.signal.throwIfAborted();
    walk.guard.bytes(piece.length);
    yield piece;
  }
}

/** The first bytes, and all of them again. */
async function peek(bytes: AsyncIterable<Buffer>): Promise<{ readonly head: Buffer; readonly rest: AsyncIterable<Buffer> }> {
  const pieces = bytes[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let done = false;
  while (!done && head.length < layerBytes) {
    const next = await pieces.next();
    if (next.done) done = true;
    else head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  const first = head;
  const rest = (async function* () {
    try {
      if (first.length > 0) yield first;
      while (!done) {
        const next = await pieces.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await pieces.return?.(undefined);
    }
  })();
  return { head: first, rest };
}
