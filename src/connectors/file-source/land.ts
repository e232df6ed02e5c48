import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LandingFile } from '../../domain/manifest';
import type { NamedOptions, StreamSpec } from '../../domain/pipeline';
import { landConverted, landedRecords } from '../../formats/converted';
import { transcoded } from '../../formats/encoding';
import { formatForFile, formatNamed } from '../../formats/registry';
import type { Engine } from '../../transforms/duckdb-engine';
import type { Landing } from '../connector';
import type { Control } from '../../domain/control';
import type { UnpackLimits } from './settings';
import { unpack } from './unpack';

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
    create: (member) => landing.create(extensionOf(member)), isContainer: (member) => isContainer(member, stream),
  });
  if (members === null) return [await landMember(request, raw, name, origin)];
  await rm(raw.path, { force: true });
  const landed: LandingFile[] = [];
  for (const member of members) landed.push(await landMember(request, member, member.name, member.name));
  return landed;
}

async function landMember({ engine, landing, control, stream }: LandRequest, place: Spot, name: string, origin: string): Promise<LandingFile> {
  const ready = await prepareFile({ landing, stream, signal: control.signal }, place, name);
  const rows = ready.records ?? await engine.session(control.signal, (session) => formatNamed(ready.format.name).count(session, ready.path, ready.format.options));
  return await landing.seal(ready.key, { rows, format: ready.format, origin });
}

interface Prepared extends Spot {
  readonly format: NamedOptions;
  /** Where they had to be counted on the way. */
  readonly records: number | null;
}

/** An unpacked file as DuckDB reads it: text in UTF-8, records of other formats as text, all that was "auto" told. `most`: only its first records are wanted. */
export async function prepareFile({ landing, stream, signal }: { readonly landing: Pick<Landing, 'create'>; readonly stream: StreamSpec; readonly signal: AbortSignal }, place: Spot, name: string, most?: number): Promise<Prepared> {
  const { format, options } = formatForFile(name, stream.sourceFormat);
  const resolved = (format.resolve ? await format.resolve(place.path, options) : options) as NamedOptions['options'];
  if (format.convert) {
    const to = await landing.create('records');
    const records = await landConverted(format.convert(place.path, resolved, signal), to.path, most);
    if (most === undefined) await rm(place.path, { force: true });
    return { ...to, records, format: { name: landedRecords.name, options: { flatten: resolved['flatten'] === true } } };
  }
  const { encoding } = resolved;
  const foreign = typeof encoding === 'string' && encoding !== 'utf-8';
  const text = foreign ? await transcode(place, encoding, await landing.create(extensionOf(place.path)), signal) : place;
  if (foreign && most === undefined) await rm(place.path, { force: true });
  const landed = { ...resolved, ...(foreign && { encoding: 'utf-8' }), ...('compression' in resolved && format.name !== 'parquet' && { compression: 'none' }) };
  return { ...text, records: null, format: { name: format.name, options: landed } };
}

async function transcode(from: Spot, encoding: string, to: Spot, signal: AbortSignal): Promise<Spot> {
  await pipeline(transcoded(from.path, encoding), createWriteStream(to.path), { signal });
  return to;
}

/** Only what is harmless in a name. */
export const extensionOf = (name: string): string => /\.([A-Za-z0-9]{1,10})$/.exec(path.posix.basename(name))?.[1]?.toLowerCase() ?? 'data';

/** A workbook is a zip and is read as one thing. */
export function isContainer(name: string, stream: StreamSpec): boolean {
  if (stream.sourceFormat) return stream.sourceFormat.name === 'excel';
  return /\.(xlsx|xlsm)$/i.test(name);
}
