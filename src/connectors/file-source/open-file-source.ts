import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { SourceHeldError } from '../../domain/errors';
import type { Json, JsonObject } from '../../domain/json';
import { bareName } from '../../formats/layers';
import type { ConnectorContext, Source } from '../connector';
import { chooseFiles } from './choose';
import { followFiles, type Followed, readFollowed } from './follow';
import { inferColumns } from './infer-columns';
import { extensionOf, landFile } from './land';
import { hasWildcard, type ByteRange, type FileEntry, type Place } from './place';
import type { UnpackLimits } from './settings';
import { patternsOf, touch, wantedIn } from './patterns';
import { discoverFiles, sampleFile } from './sample';

export interface Settings { readonly unpack: UnpackLimits }

/** What a partition of files says of itself. `range`: only of files that are followed. */
export interface FileSlice extends FileEntry { readonly range?: ByteRange }

/**
 * Files as a source, wherever they lie: a path or a pattern is a stream, `drop.zip!*.csv` what is in an archive; a file is a
 * partition, and it is read once.
 */
export async function openFileSource(place: Place, settings: Settings, context: ConnectorContext): Promise<Source> {
  return {
    check: () => place.check(),
    discover: () => discoverFiles(place, context),
    async plan(request, control) {
      const { stream } = request;
      const [pattern] = patternsOf(stream.stream);
      const found = await place.list(pattern, control.signal);
      if (found.length === 0 && !hasWildcard(pattern)) throw new SourceHeldError(`planning stream "${stream.stream}": there is no file "${place.label(pattern)}"; put it there, then "millrace resume RUN"`);
      const follows = stream.mode === 'incremental' && stream.changedFile === 'follow';
      const chosen = follows ? await followFiles(place, request, found, control) : { ...chooseFiles(request, found), state: {} as JsonObject, notes: [] };
      const known = (request.position?.state?.['columns'] as readonly Column[] | undefined) ?? [];
      const { columns, remembered, notes } = await inferColumns({ place, settings, context, stream, control }, chosen.fresh, known);
      if (columns.length === 0) throw new SourceHeldError(`planning stream "${stream.stream}": ${found.length === 0 ? `no file matches "${place.label(pattern)}"` : `none of its ${found.length} files has a column`}, so it is not known yet what its rows are; put one there or correct the pattern, then "millrace resume RUN"`);
      const none = stream.mode === 'incremental' && chosen.fresh.length === 0 ? [`nothing new: all ${found.length} files have been read`] : [];
      return {
        columns, key: [], window: null,
        partitions: chosen.fresh.map((entry, ordinal) => ({ ordinal, label: entry.path, detail: entry as unknown as Json, estimatedRows: null })),
        position: { cursor: null, state: { columns: remembered as unknown as Json, ...chosen.state } },
        files: stream.mode === 'incremental' && !follows ? chosen.fresh.map(({ path: file, size, version }) => ({ path: file, size, version })) : [],
        reloads: chosen.reloads, notes: [...chosen.notes, ...notes, ...none],
      };
    },
    async read({ stream, partition }, landing, control) {
      const planned = partition.detail as unknown as FileSlice;
      const raw = await landing.create(extensionOf(bareName(planned.path)));
      await touch(raw.path);
      if (planned.range) await readFollowed(place, planned as Followed, raw.path, control);
      else await readWhole(place, planned, raw.path, control);
      const origin = planned.range && planned.range.from > 0 ? `${planned.path} (from byte ${planned.range.from})` : planned.path;
      return await landFile({ engine: context.engine, landing, control, stream, limits: settings.unpack, wanted: wantedIn(stream.stream) }, raw, planned.path, origin);
    },
    sample: (request, landing, control) => sampleFile(place, settings, context, request, landing, control),
    close: () => place.close(),
  };
}

async function readWhole(place: Place, planned: FileEntry, to: string, control: Control): Promise<void> {
  await refuseChanged(place, planned, control.signal);
  await place.fetch(planned, to, control);
  await refuseChanged(place, planned, control.signal);
}

async function refuseChanged(place: Place, planned: FileEntry, signal: AbortSignal): Promise<void> {
  const now = await place.find(planned.path, signal);
  const problem = !now ? 'has vanished' : now.size < planned.size ? 'has shrunk' : now.size !== planned.size || now.version !== planned.version ? 'has changed' : null;
  if (problem) throw new SourceHeldError(`reading "${planned.path}": it ${problem} since the run was planned; put it back as it was and "millrace resume RUN", or cancel and run the pipeline again`, { file: planned.path });
}
