import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Control } from '../../domain/control';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { Json, JsonObject } from '../../domain/json';
import { bareName } from '../../formats/layers';
import { formatForFile } from '../../formats/registry';
import type { PlanRequest } from '../connector';
import { byPath } from './choose';
import type { ByteRange, FileEntry, Place } from './place';

/** A file that grows and that has been read up to `offset`: the stream's position holds one for each. */
export interface Mark {
  readonly path: string;
  /** Stays when the file is renamed; null: the place has no such thing, and the path stands for it. */
  readonly id: string | null;
  readonly offset: number;
  /** Hash of what it begins with and of what stood before `offset`: other bytes there mean another file. */
  readonly print: string;
}
export interface Followed extends FileEntry { readonly range: ByteRange }

interface Chosen {
  readonly fresh: readonly Followed[];
  readonly reloads: readonly string[];
  readonly state: JsonObject;
  readonly notes: readonly string[];
}

/** Bytes at each end of what has been read that must be as they were. */
const printed = 1024;
/** How far back the last line break is looked for. */
const longestTail = 16 << 20;

/**
 * What was appended since the last run. A file is known by its id (device and inode), so a rotated one goes on under its new
 * name; one that is shorter, or whose bytes are others, was truncated or written anew and is read from its beginning. A last line
 * without its line break is left until it has one, unless the file was rotated away.
 */
export async function followFiles(place: Place, request: PlanRequest, found: readonly FileEntry[], control: Control): Promise<Chosen> {
  const { stream } = request;
  const notes: string[] = [];
  const entries = found.filter((entry) => bareName(entry.path) === entry.path);
  for (const packed of found.filter((entry) => !entries.includes(entry))) notes.push(`"${packed.path}" is packed and passed over: followed files are read before they are packed`);
  for (const entry of entries) {
    const { format } = formatForFile(entry.path, stream.sourceFormat);
    if (!format.followable) throw new ConfigurationError(`planning stream "${stream.stream}": "changed_file: follow" needs one record per line; ${format.name} is not of that kind: use reload or ignore`);
  }
  const marks = (request.position?.state?.['follow'] as unknown as readonly Mark[] | undefined) ?? [];
  const work = new Map<string, { entry: FileEntry; from: number; rotated: boolean }>();
  for (const mark of marks) {
    const entry = await whereIs(place, mark, entries, control);
    if (!entry) notes.push(`"${mark.path}" is gone, read up to byte ${mark.offset}: what was appended to it after that cannot be read`);
    else work.set(entry.path, { entry, from: mark.offset, rotated: entry.path !== mark.path });
  }
  for (const entry of entries.filter((one) => !work.has(one.path))) {
    const before = marks.find((mark) => isSame(mark, entry));
    if (before) notes.push(`"${entry.path}" was truncated or written anew since it was read up to byte ${before.offset}: it is read from its beginning`);
    work.set(entry.path, { entry, from: 0, rotated: false });
  }
  const fresh: Followed[] = [];
  const next: Mark[] = [];
  for (const { entry, from, rotated } of [...work.values()].sort((left, right) => byPath(left.entry, right.entry))) {
    const to = rotated ? entry.size : await lastBreak(place, entry, from, control);
    if (!rotated && to < entry.size) notes.push(`the last line of "${entry.path}" has no line break yet and is left for the next run`);
    if (to > from) fresh.push({ ...entry, range: { from, to } });
    next.push({ path: entry.path, id: entry.id ?? null, offset: to, print: await printOf(place, entry, to, control) });
  }
  return { fresh, reloads: [], notes, state: { follow: next as unknown as Json } };
}

const isSame = (mark: Mark, entry: FileEntry): boolean => (mark.id === null ? mark.path === entry.path : mark.id === entry.id);

/** The file that a mark is about: under its id wherever it is now, or as a copy (a rotation that copies and truncates). Null: it is gone, or another one. */
async function whereIs(place: Place, mark: Mark, entries: readonly FileEntry[], control: Control): Promise<FileEntry | null> {
  const siblings = async () => place.list(`${literal(mark.path)}*`, control.signal);
  const candidates = [...entries.filter((entry) => isSame(mark, entry)), ...entries.filter((entry) => !isSame(mark, entry))];
  for (const entry of candidates) if (await holds(place, entry, mark, control)) return entry;
  for (const entry of await siblings()) if (bareName(entry.path) === entry.path && await holds(place, entry, mark, control)) return entry;
  return null;
}
const literal = (name: string): string => name.replace(/[*?[\]{}]/g, (character) => `[${character}]`);

const holds = async (place: Place, entry: FileEntry, mark: Mark, control: Control): Promise<boolean> =>
  (mark.offset > 0 || isSame(mark, entry)) && entry.size >= mark.offset && (await printOf(place, entry, mark.offset, control)) === mark.print;

async function printOf(place: Place, entry: FileEntry, offset: number, control: Control): Promise<string> {
  const head = await bytesOf(place, entry, { from: 0, to: Math.min(printed, offset) }, control);
  const tail = await bytesOf(place, entry, { from: Math.max(0, offset - printed), to: offset }, control);
  return createHash('sha256').update(head).update(tail).digest('hex').slice(0, 32);
}

/** The byte after the last line break in `[from, size)`; `from` where there is none. */
async function lastBreak(place: Place, entry: FileEntry, from: number, control: Control): Promise<number> {
  for (let to = entry.size, step = 64 * 1024; to > from; step *= 4) {
    const start = Math.max(from, to - step);
    const at = (await bytesOf(place, entry, { from: start, to }, control)).lastIndexOf(0x0a);
    if (at >= 0) return start + at + 1;
    if (entry.size - start > longestTail) throw new SourceHeldError(`planning "${entry.path}": its last ${longestTail / 2 ** 20} MB hold no line break; it is no text of one record per line`, { file: entry.path });
    to = start;
  }
  return from;
}

async function bytesOf(place: Place, entry: FileEntry, range: ByteRange, control: Control): Promise<Buffer> {
  if (range.to <= range.from) return Buffer.alloc(0);
  const local = place.localPath?.(entry);
  if (local) return await localBytes(local, range);
  const file = path.join(tmpdir(), `millrace-${randomUUID()}`);
  await (await open(file, 'a')).close();
  try {
    await place.fetch(entry, file, control, range);
    return await readFile(file);
  } finally {
    await rm(file, { force: true });
  }
}

async function localBytes(file: string, { from, to }: ByteRange): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The planned bytes, under whatever name the file has by now. */
export async function readFollowed(place: Place, planned: Followed, to: string, control: Control): Promise<void> {
  const entry = await findFollowed(place, planned, control);
  await place.fetch(entry, to, control, planned.range);
  await findFollowed(place, { ...planned, path: entry.path }, control);
}

async function findFollowed(place: Place, planned: Followed, { signal }: Control): Promise<FileEntry> {
  const is = (entry: FileEntry | null): entry is FileEntry => entry !== null && (planned.id === undefined || entry.id === planned.id) && entry.size >= planned.range.to;
  const there = await place.find(planned.path, signal);
  if (is(there)) return there;
  const moved = planned.id === undefined ? null : (await place.list(`${literal(planned.path)}*`, signal)).find(is) ?? null;
  if (moved) return moved;
  throw new SourceHeldError(`reading "${planned.path}" up to byte ${planned.range.to}: it was truncated, removed or written anew since the run was planned; cancel and run the pipeline again`, { file: planned.path });
}
