import { readFile, truncate } from 'node:fs/promises';
import type { Column, StreamSchema } from '../../domain/column';
import type { Control } from '../../domain/control';
import { EtlError, SourceHeldError } from '../../domain/errors';
import { bareName, layerBytes, layerOf } from '../../formats/layers';
import { formatByEnding, formatForFile, formatNamed } from '../../formats/registry';
import type { ConnectorContext, Landing, Sample, SampleRequest } from '../connector';
import { columnsSoFar } from './columns';
import { inferredHead } from './head';
import { extensionOf, isContainer, plainlyNamed, prepareFile } from './land';
import type { Settings } from './open-file-source';
import { patternsOf, touch, wantedIn } from './patterns';
import type { FileEntry, Place } from './place';
import { unpack } from './unpack';

const mostFiles = 200;
const headBytes = 4 << 20;
const shownRows = 1000;

type Opened = Pick<Landing, 'create'>;

/** Files whose ending tells their format, each with the columns that its first records show. */
export async function discoverFiles(place: Place, context: ConnectorContext): Promise<readonly StreamSchema[]> {
  const signal = new AbortController().signal;
  const known = (await place.list('**', signal)).filter((entry) => formatByEnding(entry.path));
  return await Promise.all(known.slice(0, mostFiles).map(async (entry) => ({ stream: entry.path, key: [], columns: await columnsOf(place, context, entry, signal).catch(() => []) })));
}

/** Only of files that can be looked at where they are: a listing fetches nothing. */
async function columnsOf(place: Place, context: ConnectorContext, entry: FileEntry, signal: AbortSignal) {
  const local = place.localPath?.(entry);
  if (!local) return [];
  const { format, options } = formatForFile(entry.path);
  const resolved = format.resolve ? await format.resolve(local, options) : options;
  return await context.engine.session(signal, (session) => format.infer(session, local, resolved, shownRows));
}

/** The first records of the first file of a stream. */
export async function sampleFile(place: Place, settings: Settings, context: ConnectorContext, { stream, rows, position }: SampleRequest, landing: Opened, control: Control): Promise<Sample> {
  const [pattern] = patternsOf(stream.stream);
  const [entry] = await place.list(pattern, control.signal);
  if (!entry) throw new SourceHeldError(`reading "${stream.stream}": there is no such file in "${place.label('')}"; put it there or correct "stream"`);
  const cuts = (stream.sourceFormat ? formatNamed(stream.sourceFormat.name) : formatByEnding(bareName(entry.path)))?.cutsAtLines === true;
  const opened = (file: string): ReturnType<typeof unpack> => unpack({
    file, label: entry.path, limits: settings.unpack, signal: control.signal, ...(cuts && { head: { lines: inferredHead.lines, bytes: headBytes } }),
    wanted: wantedIn(stream.stream), isContainer: (name) => isContainer(name, stream), create: (name) => landing.create(extensionOf(name)),
  });
  const { path: head, whole } = await headOf(place, entry, cuts, landing, control);
  const members = await opened(head).catch(async (error: unknown) => {
    if (whole || !EtlError.is(error)) throw error;
    // Packed so that its beginning is not enough.
    return opened(await fetched(place, entry, landing, control));
  });
  const gathered = columnsSoFar(stream, (position?.state?.['columns'] as readonly Column[] | undefined) ?? []);
  const files: Sample['files'][number][] = [];
  for (const { name, ...member } of members ?? [{ name: entry.path, key: '', path: await plainlyNamed(head, (name) => landing.create(extensionOf(name))), counted: null }]) {
    await context.engine.session(control.signal, (session) => gathered.add(session, member.path, name));
    const { path: file, format } = await prepareFile({ landing, stream, signal: control.signal }, member, name, Math.max(rows, shownRows));
    files.push({ path: file, format, origin: name });
  }
  return { columns: gathered.all(), files };
}

interface Head {
  readonly path: string;
  /** False: its first bytes only, of a packed file. */
  readonly whole: boolean;
}

/** The file itself where it is small or must be whole, else its first lines, or what is packed of them. */
async function headOf(place: Place, entry: FileEntry, cutsAtLines: boolean, landing: Opened, control: Control): Promise<Head> {
  const local = place.localPath?.(entry);
  const cuts = entry.size > headBytes && cutsAtLines;
  if (local && !cuts) return { path: local, whole: true };
  if (!cuts) return { path: await fetched(place, entry, landing, control), whole: true };
  const head = await landing.create(extensionOf(bareName(entry.path)));
  await touch(head.path);
  await place.fetch(entry, head.path, control, { from: 0, to: headBytes });
  const bytes = await readFile(head.path);
  if (layerOf(bytes.subarray(0, layerBytes)) !== null) return local ? { path: local, whole: true } : { path: head.path, whole: false };
  const end = bytes.lastIndexOf(0x0a);
  await truncate(head.path, end < 0 ? bytes.length : end + 1);
  return { path: head.path, whole: true };
}

async function fetched(place: Place, entry: FileEntry, landing: Opened, control: Control): Promise<string> {
  const { path } = await landing.create(extensionOf(bareName(entry.path)));
  await touch(path);
  await place.fetch(entry, path, control);
  return path;
}
