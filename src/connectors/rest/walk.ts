import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { SourceHeldError } from '../../domain/errors';
import type { JsonObject } from '../../domain/json';
import type { NamedOptions } from '../../domain/pipeline';
import type { Window } from '../../domain/position';
import type { Engine } from '../../transforms/duckdb-engine';
import type { LandedPage, Landing } from '../connector';
import { firstAddress, nextAddress, shownOf } from './address';
import type { Client } from './client';
import type { RestConfig, RestStream } from './config';
import { columnsOfPage, formatOf, inspectPage, parentValues } from './inspect';
import { refuseOverlooked } from './overlooked';
import { awaitServer } from './window';

export interface WalkRequest {
  readonly config: RestConfig;
  readonly client: Client;
  readonly engine: Engine;
  readonly name: string;
  readonly window: Window | null;
  readonly landing: Pick<Landing, 'create'>;
  readonly control: Control;
}

/** A page of the stream itself, in a local file. */
export interface FoundPage {
  readonly key: string;
  readonly path: string;
  readonly rows: number;
  readonly format: NamedOptions;
  readonly origin: string;
  columns(): Promise<readonly Column[]>;
}

/** Turns a page into what is recorded of it. */
export type Keep = (page: FoundPage) => Promise<LandedPage['files']>;

/** What is recorded of a request. */
interface Trace {
  /** Hash of the address: it may carry what no document should show. */
  readonly asked: string;
  readonly next: string | null;
  readonly rows: number;
  readonly digest: string | null;
  /** Of a page of the parent stream: what it leads to. */
  readonly values: readonly string[] | null;
}

/**
 * Asks for one page after the other and gives each with its number. A page that is recorded is not asked for again, so a reading
 * that was killed goes on where it was; the order of requests follows from what the pages say alone.
 */
export async function* walk(request: WalkRequest, keep: Keep, pages: Landing['pages']): AsyncGenerator<LandedPage & { readonly rows: number }> {
  const { config, name, window } = request;
  const stream = config.streams[name]!;
  const parent = stream.parent && { name: stream.parent.stream, field: stream.parent.field, stream: config.streams[stream.parent.stream]! };
  let number = 0;

  async function* sequence(of: RestStream, first: string, value: string | undefined, isParent: boolean): AsyncGenerator<LandedPage & Trace> {
    const trail = createTrail(first);
    for (let address: string | null = first; address !== null;) {
      number += 1;
      if (number > config.max_pages) throw new SourceHeldError(`reading "${name}": it has taken ${config.max_pages} requests and does not end; look at "pagination" of the stream, or raise max_pages of the connection, then "millrace resume RUN"`);
      const earlier = await pages?.find(number) ?? null;
      const page: LandedPage = earlier ?? await visit(request, { stream: of, address, value, isParent, number, trail, keep, pages });
      const trace = page.state as unknown as Trace;
      if (trace.asked !== hashOf(address)) throw new SourceHeldError(`reading "${name}": its connection was changed while it was read; put it back and "millrace resume RUN", or cancel and run the pipeline again`);
      trail.add(trace);
      yield { ...page, ...trace };
      address = trace.next;
    }
  }

  if (!parent) {
    for await (const page of sequence(stream, firstAddress(config.url, stream, window), undefined, false)) yield page;
    return;
  }
  const known = new Set<string>();
  for await (const { values } of sequence(parent.stream, firstAddress(config.url, parent.stream, parent.stream.incremental ? window : null), undefined, true)) {
    // A record that has moved to a later page meanwhile, or a value that many share, would else give the same children again.
    for (const value of new Set(values ?? [])) if (known.size < known.add(hashOf(value)).size) yield* sequence(stream, firstAddress(config.url, stream, window, value), value, false);
  }
}

interface Visit {
  readonly stream: RestStream;
  readonly address: string;
  readonly value: string | undefined;
  readonly isParent: boolean;
  readonly number: number;
  readonly trail: Trail;
  readonly keep: Keep;
  readonly pages: Landing['pages'];
}

async function visit({ client, engine, config, name, landing, control, window }: WalkRequest, { stream, address, value, isParent, number, trail, keep, pages }: Visit): Promise<LandedPage> {
  const place = await landing.create(stream.decode);
  const where = shownOf(config.url, stream);
  const { headers, nothing } = await client.get(address, place.path, control.signal, { method: 'GET', where });
  if (number === 1) awaitServer(name, window, stream.incremental?.margin, headers);
  const format = nothing ? null : await formatOf(stream, place.path, value);
  const found = format ? await engine.session(control.signal, (session) => inspectPage(session, stream, place.path, format, where, headers)) : { rows: 0, member: null, digest: null };
  const values = isParent && found.rows > 0 ? await engine.session(control.signal, (session) => parentValues(session, stream, place.path, config.streams[name]!.parent!.field, where)) : null;
  const next = nothing ? null : nextAddress(address, stream, { rows: found.rows, headers, member: found.member, where });
  if (next === null && found.rows > 0) await engine.session(control.signal, (session) => refuseOverlooked(session, { stream, file: place.path, headers, where }));
  trail.refuseCircle(where, next, found);
  const wanted = format !== null && !isParent && found.rows > 0;
  const files = wanted ? await keep({ ...place, rows: found.rows, format, origin: `${name}, page ${number}`, columns: () => engine.session(control.signal, (session) => columnsOfPage(session, place.path, format)) }) : [];
  if (!wanted) await rm(place.path, { force: true });
  const digest = found.rows === 0 ? null : found.digest ?? files[0]?.checksum ?? null;
  trail.refuseRepeat(where, digest);
  const state: Trace = { asked: hashOf(address), next, rows: isParent ? 0 : found.rows, digest, values };
  const page = { files, state: state as unknown as JsonObject };
  return await pages?.record(number, page) ?? page;
}

type Trail = ReturnType<typeof createTrail>;

/** Notices a server that leads in a circle. */
function createTrail(first: string) {
  const asked = new Set([hashOf(first)]);
  let last: string | null = null;
  return {
    add({ next, digest }: Trace): void {
      if (next !== null) asked.add(hashOf(next));
      last = digest;
    },
    refuseCircle(where: string, next: string | null, { rows }: { readonly rows: number }): void {
      if (next !== null && asked.has(hashOf(next))) throw new SourceHeldError(`reading "${where}": the server names a next page that was read already (its cursor does not move; this page has ${rows} records); correct "pagination" of the stream or have the server mended, then "millrace resume RUN"`);
    },
    refuseRepeat(where: string, digest: string | null): void {
      if (digest !== null && digest === last) throw new SourceHeldError(`reading "${where}": two pages in a row hold the same records (the server may not know the parameter of "pagination"); correct it or have the server mended, then "millrace resume RUN"`);
    },
  };
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
