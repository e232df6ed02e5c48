import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { canonicalJson } from '../../domain/json';
import type { LandingFile } from '../../domain/manifest';
import type { NamedOptions, StreamSpec } from '../../domain/pipeline';
import { landConverted, landedRecords } from '../../formats/converted';
import { transcoded } from '../../formats/encoding';
import type { Format } from '../../formats/format';
import { bareName } from '../../formats/layers';
import { formatNamed } from '../../formats/registry';
import type { Engine } from '../../transforms/duckdb-engine';
import type { Landing } from '../connector';
import type { Control } from '../../domain/control';
import { readCounted, writeCounted, type Counted, type Counter } from './counted';
import type { UnpackLimits } from './settings';
import { unpack } from './unpack';
import { unpackedFormat } from './unpacked-format';

interface Spot { readonly key: string; readonly path: string }

interface LandRequest {
  readonly engine: Engine;
  readonly landing: Landing;
  readonly control: Control;
  readonly stream: StreamSpec;
  readonly limits: UnpackLimits;
  readonly wanted: (name: string) => boolean;
}

/** A fetched file as landing files that DuckDB reads: unpacked, one per member, in UTF-8, records of other formats as text. */
export async function landFile(request: LandRequest, raw: Spot, name: string, origin: string): Promise<readonly LandingFile[]> {
  const { landing, stream, limits, wanted, control } = request;
  const members = await unpack({
    file: raw.path, label: name, limits, wanted, signal: control.signal,
    create: (member) => landing.create(extensionOf(member)), isContainer: (member) => isContainer(member, stream), counterFor: (member) => (head) => counterOf(stream, member, head),
  });
  if (members === null) return [await landMember(request, { ...raw, counted: null }, name, origin)];
  await rm(raw.path, { force: true });
  const landed: LandingFile[] = [];
  for (const member of members) landed.push(await landMember(request, member, member.name, member.name));
  return landed;
}

async function landMember({ engine, landing, control, stream }: LandRequest, place: Written, name: string, origin: string): Promise<LandingFile> {
  const { key, path: file, format, records, counted: passed } = await prepareFile({ landing, stream, signal: control.signal }, place, name);
  const counted = records === null ? passed ?? await readCounted(file, (head) => counterBy(format, head), control.signal) : undefined;
  // A beginning may look otherwise than the whole.
  const tallied = counted?.options && canonicalJson(counted.options) === canonicalJson(format.options) ? counted.records : null;
  const rows = records ?? tallied ?? await engine.session(control.signal, (session) => formatNamed(format.name).count(session, file, format.options));
  return await landing.seal(key, { rows, format, origin }, counted);
}

/** A file as it was written; null: it was not measured on the way. */
interface Written extends Spot { readonly counted: Counted | null }

interface Prepared extends Written {
  readonly format: NamedOptions;
  /** Where they had to be counted on the way. */
  readonly records: number | null;
}

interface PrepareRequest { readonly landing: Pick<Landing, 'create'>; readonly stream: StreamSpec; readonly signal: AbortSignal }

/** An unpacked file as DuckDB reads it: text in UTF-8, records of other formats as text, all that was "auto" told. `most`: only its first records are wanted. */
export async function prepareFile({ landing, stream, signal }: PrepareRequest, place: Written, name: string, most?: number): Promise<Prepared> {
  const { format, options } = unpackedFormat(name, stream.sourceFormat);
  const resolved = await resolvedBy(format, place.path, options);
  if (format.convert) {
    const to = await landing.create('records');
    const records = await landConverted(format.convert(place.path, resolved, signal), to.path, most);
    if (most === undefined) await rm(place.path, { force: true });
    return { ...to, records, counted: null, format: { name: landedRecords.name, options: { flatten: resolved['flatten'] === true } } };
  }
  if (!isForeign(resolved)) return { ...place, records: null, format: landedFormat(format, resolved) };
  const text = await landing.create(extensionOf(place.path));
  const landed = async (file: string): Promise<NamedOptions> => landedFormat(format, await resolvedBy(format, file, { ...resolved, encoding: 'utf-8' }));
  const counted = await writeCounted(abortable(transcoded(place.path, String(resolved['encoding'])), signal), text.path, async (head) => counterBy(await landed(head), head));
  if (most === undefined) await rm(place.path, { force: true });
  return { ...text, records: null, counted, format: await landed(text.path) };
}

const resolvedBy = async (format: Format, file: string, options: NamedOptions['options']): Promise<NamedOptions['options']> =>
  (format.resolve ? await format.resolve(file, options) : options) as NamedOptions['options'];

const isForeign = ({ encoding }: NamedOptions['options']): boolean => typeof encoding === 'string' && encoding !== 'utf-8';

const landedFormat = ({ name }: Format, options: NamedOptions['options']): NamedOptions =>
  ({ name, options: { ...options, ...('compression' in options && name !== 'parquet' && { compression: 'none' }) } });

/** How a file is counted as it is unpacked. Null: what is counted is written only after it. */
async function counterOf(stream: StreamSpec, name: string, head: string): Promise<Counter | null> {
  const { format, options } = unpackedFormat(name, stream.sourceFormat);
  if (!format.tally) return null;
  const resolved = await resolvedBy(format, head, options);
  return isForeign(resolved) ? null : await counterBy(landedFormat(format, resolved), head);
}

async function counterBy({ name, options }: NamedOptions, head: string): Promise<Counter | null> {
  const tally = await formatNamed(name).tally?.(head, options);
  return tally ? { tally, options } : null;
}

async function* abortable(bytes: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    signal.throwIfAborted();
    yield piece;
  }
}

/** Only what is harmless in a name. */
export const extensionOf = (name: string): string => /\.([A-Za-z0-9]{1,10})$/.exec(path.posix.basename(name))?.[1]?.toLowerCase() ?? 'data';

/** A file that is not packed, under a name that does not speak of a compression: formats told nothing else go by it. */
export async function plainlyNamed(file: string, create: (name: string) => Promise<{ readonly path: string }>): Promise<string> {
  const bare = bareName(file);
  if (bare === file) return file;
  const link = await create(bare);
  await symlink(path.resolve(file), link.path);
  return link.path;
}

/** A workbook is a zip and is read as one thing. */
export function isContainer(name: string, stream: StreamSpec): boolean {
  if (stream.sourceFormat) return stream.sourceFormat.name === 'excel';
  return /\.(xlsx|xlsm)$/i.test(name);
}
