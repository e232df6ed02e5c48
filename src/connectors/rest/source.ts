import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Column, StreamSchema } from '../../domain/column';
import type { Control } from '../../domain/control';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { Json } from '../../domain/json';
import type { LandingFile } from '../../domain/manifest';
import type { Window } from '../../domain/position';
import type { CheckResult, ConnectorContext, Landing, PlanRequest, Sample, Source } from '../connector';
import { openClient, type Client } from './client';
import { declaredColumns, mergedColumns, refuseUnknown, typedColumns } from './columns';
import type { RestConfig, RestStream } from './config';
import { walk, type FoundPage } from './walk';
import { planWindow } from './window';

interface Opened { readonly config: RestConfig; readonly context: ConnectorContext; readonly client: Client }

/** Streams that the connection declares. A stream is one partition, since one page leads to the next; its pages are kept one by one. */
export async function openRestSource(config: RestConfig, context: ConnectorContext): Promise<Source> {
  const opened: Opened = { config, context, client: openClient(config, context) };
  return {
    check: () => check(opened),
    discover: () => discover(opened),
    async plan(request, control) {
      control.signal.throwIfAborted();
      const { stream, position } = request;
      const declared = streamNamed(config, stream.stream, context.connection);
      const window = planWindow(request, declared);
      const known = (position?.state?.['columns'] as readonly Column[] | undefined) ?? [];
      const { columns, notes } = await columnsFor(opened, request, declared, window, known, control);
      const nothing = window === 'closed' || columns.length === 0;
      return {
        columns, key: [], window: window === 'closed' || nothing ? null : window,
        partitions: nothing ? [] : [{ ordinal: 0, label: stream.stream, detail: { stream: stream.stream } as Json, estimatedRows: null }],
        position: { cursor: window === null || window === 'closed' || nothing ? position?.cursor ?? null : window.upper, state: { columns: columns as unknown as Json } },
        files: [], reloads: [], notes: [...notesOf(request, window), ...notes],
      };
    },
    async read({ stream, plan }, landing, control) {
      const declared = streamNamed(config, stream.stream, context.connection);
      const keep = async (page: FoundPage): Promise<readonly LandingFile[]> => {
        if (!declared.columns) refuseUnknown(stream.stream, page.origin, plan.columns, await page.columns());
        return [await landing.seal(page.key, { rows: page.rows, format: page.format, origin: page.origin })];
      };
      const files: LandingFile[] = [];
      let rows = 0;
      for await (const page of walk({ ...opened, engine: context.engine, name: stream.stream, window: plan.window, landing, control }, keep, landing.pages)) {
        files.push(...page.files);
        control.progress({ rows: rows += page.rows });
      }
      return files;
    },
    async sample({ stream, position }, landing, control) {
      const named = declaredColumns(streamNamed(config, stream.stream, context.connection));
      const { columns, files } = await firstPage(opened, stream.stream, null, landing, control);
      const known = (position?.state?.['columns'] as readonly Column[] | undefined) ?? [];
      return { columns: typedColumns(stream, named ?? mergedColumns(known, columns)), files };
    },
    close: async () => undefined,
  };
}

function streamNamed({ streams }: RestConfig, name: string, connection: string): RestStream {
  const found = Object.hasOwn(streams, name) ? streams[name] : undefined;
  if (!found) throw new ConfigurationError(`planning stream "${name}": the connection "${connection}" declares no such stream; it has: ${Object.keys(streams).join(', ')}`);
  return found;
}

function notesOf({ stream, position }: PlanRequest, window: Window | 'closed' | null): readonly string[] {
  if (window === 'closed') return [`nothing new: "${stream.cursor}" has been read up to ${position?.cursor ?? 'nothing'}`];
  return window ? ['records deleted in the source are not seen by an incremental read'] : [];
}

async function columnsFor(opened: Opened, { stream }: PlanRequest, declared: RestStream, window: Window | 'closed' | null, known: readonly Column[], control: Control): Promise<{ readonly columns: readonly Column[]; readonly notes: readonly string[] }> {
  const named = declaredColumns(declared);
  if (named) return { columns: typedColumns(stream, named), notes: [] };
  const seen = window === 'closed' ? [] : await firstColumns(opened, stream.stream, window, control);
  const columns = mergedColumns(known, seen);
  const gone = seen.length === 0 ? [] : known.map(({ name: column }) => column).filter((column) => !seen.some((one) => one.name === column));
  const notes = gone.map((column) => `the first page has no "${column}" any more: it is empty from now on; was it removed or renamed?`);
  if (columns.length > 0) return { columns: typedColumns(stream, columns), notes };
  throw new SourceHeldError(`planning stream "${stream.stream}": its first pages hold no record with members, so its columns cannot be told; name them in "columns" of the stream in its connection, or wait for records, then "millrace resume RUN"`);
}

/** Requests after which a stream is taken for an empty one. */
const looksAt = 20;

/** The first page that has records, and what they show. */
async function firstPage({ config, context, client }: Opened, name: string, window: Window | null, landing: Pick<Landing, 'create'>, control: Control): Promise<Sample> {
  let columns: readonly Column[] = [];
  let files: Sample['files'] = [];
  const keep = async (page: FoundPage) => {
    columns = await page.columns();
    files = [{ path: page.path, format: page.format, origin: page.origin }];
    return [];
  };
  let asked = 0;
  for await (const _page of walk({ config, client, engine: context.engine, name, window, landing, control }, keep, undefined)) {
    if (columns.length > 0 || ++asked >= looksAt) break;
  }
  return { columns, files };
}

async function firstColumns(opened: Opened, name: string, window: Window | null, control: Control): Promise<readonly Column[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-rest-'));
  try {
    const create = async (extension: string) => { const file = path.join(folder, `${randomUUID()}.${extension}`); return { key: file, path: file }; };
    return (await firstPage(opened, name, window, { create }, control)).columns;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Streams whose columns cannot be told are shown without; where that is so of all that were asked for, the first says why. */
async function discover(opened: Opened): Promise<readonly StreamSchema[]> {
  const refused: unknown[] = [];
  let told = 0;
  const found: StreamSchema[] = [];
  for (const [name, declared] of Object.entries(opened.config.streams)) {
    const columns = declaredColumns(declared) ?? await firstColumns(opened, name, null, briefly()).then((seen) => { told += 1; return seen; }, (error: unknown) => { refused.push(error); return []; });
    found.push({ stream: name, columns, key: [] });
  }
  if (told === 0 && refused.length > 0) throw refused[0];
  return found;
}

const briefly = (): Control => ({ signal: AbortSignal.timeout(60_000), progress: () => undefined, reached: () => undefined });

/** Every stream is asked for its first page: a user may read one and not the other. */
async function check(opened: Opened): Promise<CheckResult> {
  const { config, context } = opened;
  const names = Object.keys(config.streams);
  if (names.length === 0) return { ok: false, messages: [`"${context.connection}": it declares no streams; add "streams"`] };
  const readable: string[] = [];
  const problems: string[] = [];
  for (const name of names) {
    await firstColumns(opened, name, null, briefly()).then(() => readable.push(`"${name}"`), (error: unknown) => problems.push(`"${context.connection}": ${(error as Error).message}`));
  }
  const told = readable.length === 0 ? [] : [`"${context.connection}": the first page of ${readable.join(', ')} can be read`];
  return { ok: problems.length === 0, messages: [...told, ...new Set(problems)] };
}
