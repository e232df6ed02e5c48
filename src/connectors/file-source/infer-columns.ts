import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import type { StreamSpec } from '../../domain/pipeline';
import { bareName, layerBytes, layerOf } from '../../formats/layers';
import { withScratch } from '../../formats/records';
import { formatByEnding, formatNamed } from '../../formats/registry';
import type { ConnectorContext } from '../connector';
import { columnsSoFar } from './columns';
import { inferredHead, writeHead } from './head';
import { extensionOf, isContainer, plainlyNamed } from './land';
import type { Settings } from './open-file-source';
import { touch, wantedIn } from './patterns';
import type { ByteRange, FileEntry, Place } from './place';
import { unpack, type Unpacked } from './unpack';

interface InferRequest {
  readonly place: Place;
  readonly settings: Settings;
  readonly context: ConnectorContext;
  readonly stream: StreamSpec;
  readonly control: Control;
}
type Slice = FileEntry & { readonly range?: ByteRange };

/** Columns of a stream from its files, of each no more than is needed. */
export async function inferColumns(request: InferRequest, entries: readonly Slice[], known: readonly Column[]): Promise<{ readonly columns: readonly Column[]; readonly remembered: readonly Column[]; readonly notes: readonly string[] }> {
  const gathered = columnsSoFar(request.stream, known);
  for (const entry of entries) {
    await request.context.engine.session(request.control.signal, (session) => withScratch(session, async (folder) => {
      for (const member of await looked(request, entry, folder)) {
        await gathered.add(session, member.path, member.name);
        if (member.path.startsWith(folder)) await rm(member.path, { force: true });
      }
    }));
  }
  const columns = gathered.all();
  return { columns, remembered: gathered.remembered(columns), notes: gathered.notes() };
}

/** What is looked at: the beginning of a text of lines, all of anything else. */
async function looked(request: InferRequest, entry: Slice, folder: string): Promise<readonly Pick<Unpacked, 'name' | 'path'>[]> {
  const { place, settings, stream, control } = request;
  const bare = bareName(entry.path);
  const format = stream.sourceFormat ? formatNamed(stream.sourceFormat.name) : formatByEnding(bare);
  const cuts = format?.cutsAtLines === true;
  const create = async (name: string) => { const file = path.join(folder, `${randomUUID()}.${extensionOf(name)}`); return { key: file, path: file }; };
  const local = (entry.range ? null : place.localPath?.(entry)) ?? await fetched(request, entry, folder, cuts);
  const members = await unpack({
    file: local, label: entry.path, limits: settings.unpack, signal: control.signal, create, ...(cuts && { head: inferredHead }),
    wanted: wantedIn(stream.stream), isContainer: (name) => isContainer(name, stream),
  });
  if (members) return members;
  if (!cuts || (await stat(local)).size <= inferredHead.bytes) return [{ name: entry.path, path: await plainlyNamed(local, create) }];
  const head = await create(bare);
  await writeHead(createReadStream(local, { highWaterMark: 1 << 20 }), head.path, inferredHead);
  return [{ name: entry.path, path: head.path }];
}

/** Of a large text its beginning only; what is packed must be there whole. */
async function fetched({ place, control }: InferRequest, entry: Slice, folder: string, cuts: boolean): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${randomUUID()}.${extensionOf(bareName(entry.path))}`);
  await touch(file);
  const { from, to } = entry.range ?? { from: 0, to: entry.size };
  const most = from + inferredHead.bytes + 1;
  if (!cuts || to <= most) {
    await place.fetch(entry, file, control, entry.range);
    return file;
  }
  await place.fetch(entry, file, control, { from, to: most });
  if (await isPacked(file)) {
    await (await open(file, 'w')).close();
    await place.fetch(entry, file, control, entry.range);
  }
  return file;
}

async function isPacked(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(layerBytes), 0, layerBytes, 0);
    return layerOf(buffer.subarray(0, bytesRead)) !== null;
  } finally {
    await handle.close();
  }
}
