import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { EtlError, SourceHeldError, SourceThrottledError, SourceUnavailableError } from '../../domain/errors';
import type { ConnectorContext } from '../connector';
import { onSameServer, shown } from './address';
import { authenticationOf, type Authentication } from './authentication';
import type { RestConfig } from './config';
import { exchange, unpackerOf, type Reply } from './exchange';
import { beginningOf } from './file-beginning';
import { memberOfFile } from './inspect';
import { judgeAnswer, type Answer } from './rules';

export interface Fetched {
  readonly headers: Headers;
  /** The answer counts as an empty last page. */
  readonly nothing: boolean;
}

/** What is sent besides an address. */
export interface Sending {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How messages name what is asked. Absent: by its address without its query. */
  readonly where?: string;
}

export interface Client {
  /**
   * One answer into a file, unpacked. Throws SourceThrottledError where the wait is longer than some seconds. Sent again by itself only
   * where the server has said that it did nothing.
   */
  get(address: string, to: string, signal: AbortSignal, sending?: Sending): Promise<Fetched>;
}

/** How a connector of its own differs from what a connection declares. */
export interface ClientOptions {
  readonly authentication?: Authentication;
  /** Whether an answer is a page. Absent: as `errors` of the connection say. */
  readonly judge?: (answer: Answer) => Promise<'page' | 'nothing'>;
  /** Of every answer that came whole. */
  readonly seen?: (headers: Headers) => void;
}

/** Waited for here; longer ones are timers of Temporal's. */
const shortWait = 3_000;
const shortWaits = 5;
/** After so many short waits in a row. */
const patience = 30_000;
const hops = 5;

const reading: Sending = { method: 'GET' };

export function openClient(config: RestConfig, context: ConnectorContext, { authentication = authenticationOf(config), judge = (answer) => judgeAnswer(config, answer), seen }: ClientOptions = {}): Client {

  async function send(address: string, { method, body, headers: own }: Sending, entry: Readonly<Record<string, string>>, signal: AbortSignal, outer: AbortSignal): Promise<Reply> {
    if (config.rate_limit) await context.governor?.permit({ requests: config.rate_limit.requests, per: config.rate_limit.per * 1000 }, outer);
    const headers = new Headers({ accept: 'application/json, */*;q=0.5', 'accept-encoding': 'gzip', 'user-agent': 'millrace' });
    // One after the other: "Accept" of a connection takes the place of "accept", and is not added to it.
    for (const [name, value] of [config.headers, own ?? {}, entry].flatMap(Object.entries<string>)) headers.set(name, value);
    return await exchange(address, { method, headers, signal, ...(body !== undefined && { body }) });
  }

  /** Follows redirects on the same server, and renews a token once. */
  async function answered(first: string, where: string, sending: Sending, signal: AbortSignal, outer: AbortSignal): Promise<Reply> {
    let address = first;
    let renewed = false;
    for (let hop = 0; hop <= hops; hop += 1) {
      const entry = await authentication.headers(outer);
      const response = await send(address, sending, entry, signal, outer);
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      const expired: boolean = response.status === 401 && !renewed && authentication.renew(entry);
      if (location === null && !expired) return response;
      response.body.destroy();
      renewed ||= expired;
      if (location !== null) address = redirected(address, location, where);
    }
    throw new SourceHeldError(`reading "${where}": the server sends the request from one address to another without end; correct "url" of the connection or the stream's path`);
  }

  async function attempt(address: string, to: string, outer: AbortSignal, sending: Sending): Promise<Fetched> {
    // Also ends an answer that drips on without end.
    const timeout = AbortSignal.timeout(config.timeout * 1000);
    const signal = AbortSignal.any([outer, timeout]);
    const where = sending.where ?? shown(address);
    try {
      const response = await answered(address, where, sending, signal, outer);
      await save(response, to, where, config.max_page_bytes, signal);
      seen?.(response.headers);
      const verdict = await judge({ where, status: response.status, headers: response.headers, member: (path) => memberOfFile(context.engine, to, path, outer) });
      return { headers: response.headers, nothing: verdict === 'nothing' };
    } catch (error) {
      outer.throwIfAborted();
      if (EtlError.is(error)) throw error;
      const why = timeout.aborted ? `the answer was not complete after ${config.timeout} seconds (smaller pages or a longer "timeout" may help)` : `the connection failed or the answer was cut off (${causeOf(error)})`;
      throw new SourceUnavailableError(`reading "${where}": ${why}; the run goes on by itself`);
    }
  }

  return {
    async get(address, to, signal, sending = reading) {
      for (let left = shortWaits; ; left -= 1) {
        try {
          return await attempt(address, to, signal, sending);
        } catch (error) {
          const wait = (EtlError.is(error) ? error.retryAfter : undefined) ?? Number.POSITIVE_INFINITY;
          if (wait > shortWait) throw error;
          // Who says "at once" again and again is not asked again and again: that would be a flood.
          if (left === 0) throw new SourceThrottledError((error as Error).message, patience);
          await sleep(wait, undefined, { signal });
        }
      }
    },
  };
}

function redirected(from: string, location: string, where: string): string {
  const there = URL.canParse(location, from) ? onSameServer(from, location) : null;
  if (there !== null) return there;
  const to = URL.canParse(location, from) ? new URL(location, from).origin : 'no address';
  throw new SourceHeldError(`reading "${where}": the server sends the request on to "${to}", which gets no credentials (a login page, or it has moved); correct "auth" or "url" of the connection, then "millrace resume RUN"`);
}

async function save({ body, headers }: Reply, to: string, where: string, most: number, signal: AbortSignal): Promise<void> {
  const unpacker = unpackerOf(headers);
  await pipeline([body, bounded(where, most), ...(unpacker ? [unpacker, bounded(where, most)] : []), createWriteStream(to)], { signal });
  // Packed for the way, or itself, or both.
  for (let layer = 0; layer < 2 && await isGzip(to); layer += 1) {
    await pipeline(createReadStream(to), createGunzip(), bounded(where, most), createWriteStream(`${to}.unpacked`), { signal });
    await rename(`${to}.unpacked`, to);
  }
  // A mark of the order of bytes is no part of the answer; JSON with one before it would be none.
  if ((await beginningOf(to, 3)).equals(byteOrderMark)) {
    await pipeline(createReadStream(to, { start: 3 }), createWriteStream(`${to}.unpacked`), { signal });
    await rename(`${to}.unpacked`, to);
  }
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

function bounded(where: string, most: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      if (bytes > most) done(new SourceHeldError(`reading "${where}": a page has more than ${most} bytes; ask for smaller pages, or raise max_page_bytes of the connection, then "millrace resume RUN"`));
      else done(null, piece);
    },
  });
}

async function isGzip(file: string): Promise<boolean> {
  const [first, second] = await beginningOf(file, 2);
  return first === 0x1f && second === 0x8b;
}

/** A code such as ECONNRESET. Never a message: those of Node's core may repeat what was sent. */
function causeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? code : 'no code';
}
