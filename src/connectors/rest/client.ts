import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { EtlError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { ConnectorContext } from '../connector';
import { shown } from './address';
import { authenticationOf, type Authentication } from './authentication';
import type { RestConfig } from './config';
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
const hops = 5;

const reading: Sending = { method: 'GET' };

export function openClient(config: RestConfig, context: ConnectorContext, { authentication = authenticationOf(config), judge = (answer) => judgeAnswer(config, answer), seen }: ClientOptions = {}): Client {

  async function send(address: string, { method, body, headers: own }: Sending, entry: Readonly<Record<string, string>>, signal: AbortSignal, outer: AbortSignal): Promise<Response> {
    if (config.rate_limit) await context.governor?.permit({ requests: config.rate_limit.requests, per: config.rate_limit.per * 1000 }, outer);
    const headers = { accept: 'application/json, */*;q=0.5', 'user-agent': 'millrace', ...config.headers, ...own, ...entry };
    return await fetch(address, { method, headers, signal, redirect: 'manual', ...(body !== undefined && { body }) });
  }

  /** Follows redirects on the same server, and renews a token once. */
  async function answered(first: string, sending: Sending, signal: AbortSignal, outer: AbortSignal): Promise<Response> {
    let address = first;
    let renewed = false;
    for (let hop = 0; hop <= hops; hop += 1) {
      const entry = await authentication.headers(outer);
      const response = await send(address, sending, entry, signal, outer);
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      const expired: boolean = response.status === 401 && !renewed && authentication.renew(entry);
      if (location === null && !expired) return response;
      await response.body?.cancel();
      renewed ||= expired;
      if (location !== null) address = redirected(address, location);
    }
    throw new SourceHeldError(`reading "${shown(first)}": the server sends the request from one address to another without end; correct "url" of the connection or the stream's path`);
  }

  async function attempt(address: string, to: string, outer: AbortSignal, sending: Sending): Promise<Fetched> {
    // Also ends an answer that drips on without end.
    const timeout = AbortSignal.timeout(config.timeout * 1000);
    const signal = AbortSignal.any([outer, timeout]);
    try {
      const response = await answered(address, sending, signal, outer);
      await save(response, to, address, config.max_page_bytes, signal);
      seen?.(response.headers);
      const verdict = await judge({ address, status: response.status, headers: response.headers, member: (path) => memberOfFile(context.engine, to, path, outer) });
      return { headers: response.headers, nothing: verdict === 'nothing' };
    } catch (error) {
      outer.throwIfAborted();
      if (EtlError.is(error)) throw error;
      const why = timeout.aborted ? `the answer was not complete after ${config.timeout} seconds (smaller pages or a longer "timeout" may help)` : `the connection failed or the answer was cut off (${causeOf(error)})`;
      throw new SourceUnavailableError(`reading "${shown(address)}": ${why}; the run goes on by itself`);
    }
  }

  return {
    async get(address, to, signal, sending = reading) {
      for (let left = shortWaits; ; left -= 1) {
        try {
          return await attempt(address, to, signal, sending);
        } catch (error) {
          const wait = (EtlError.is(error) ? error.retryAfter : undefined) ?? Number.POSITIVE_INFINITY;
          if (left === 0 || wait > shortWait) throw error;
          await sleep(wait, undefined, { signal });
        }
      }
    },
  };
}

function redirected(from: string, location: string): string {
  const url = new URL(location, from);
  if (url.origin === new URL(from).origin) return url.href;
  throw new SourceHeldError(`reading "${shown(from)}": the server sends the request on to "${url.host}", which gets no credentials (a login page, or it has moved); correct "auth" or "url" of the connection, then "millrace resume RUN"`);
}

async function save(response: Response, to: string, address: string, most: number, signal: AbortSignal): Promise<void> {
  const body = response.body ? Readable.fromWeb(response.body as never) : Readable.from([]);
  await pipeline(body, bounded(address, most), createWriteStream(to), { signal });
  if (!await isGzip(to)) return;
  await pipeline(createReadStream(to), createGunzip(), bounded(address, most), createWriteStream(`${to}.unpacked`), { signal });
  await rename(`${to}.unpacked`, to);
}

function bounded(address: string, most: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      if (bytes > most) done(new SourceHeldError(`reading "${shown(address)}": a page has more than ${most} bytes; ask for smaller pages, or raise max_page_bytes of the connection, then "millrace resume RUN"`));
      else done(null, piece);
    },
  });
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function causeOf(error: unknown): string {
  const { cause, code, message } = error as { cause?: { code?: string; message?: string }; code?: string; message: string };
  return cause?.code ?? cause?.message ?? code ?? message;
}
