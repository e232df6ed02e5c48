import { open } from 'node:fs/promises';
import type { Control } from '../../domain/control';
import { ConfigurationError, EtlError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { ConnectorContext } from '../connector';
import { hasWildcard, type ByteRange, type FileEntry, type Place } from '../file-source';
import type { HttpConfig } from './config';

/** Broken downloads go on where they were, this often without a byte of progress in between. */
const tries = 5;
const hops = 10;

/** Files of a web server, by their addresses. There is no listing, so a stream names one file. */
export function httpPlace(config: HttpConfig, context: ConnectorContext): Place {
  const base = config.url.endsWith('/') ? config.url : `${config.url}/`;
  const addressOf = (file: string): string => new URL(file.split('/').map(encodeURIComponent).join('/'), base).href;

  async function ask(method: 'GET' | 'HEAD', file: string, signal: AbortSignal, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    try {
      let address = addressOf(file);
      for (let hop = 0; hop < hops; hop += 1) {
        // Many servers send on to a store; the credentials are for this server alone.
        const own = new URL(address).origin === new URL(base).origin ? { ...config.headers, ...authentication(config) } : {};
        // Bytes as they lie there: an encoding for the way would make ranges and sizes those of something else.
        const response = await fetch(address, { method, signal, redirect: 'manual', headers: { 'accept-encoding': 'identity', ...own, ...headers } });
        const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
        if (location === null) return response;
        await response.body?.cancel();
        address = new URL(location, address).href;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new SourceUnavailableError(`reading "${shown(addressOf(file))}": ${causeOf(error)}; check that the server is up, the run goes on by itself`);
    }
    throw new SourceHeldError(`reading "${shown(addressOf(file))}": the server sends the request from one address to another without end; correct "url" of the connection, then "millrace resume RUN"`);
  }

  async function find(file: string, signal: AbortSignal): Promise<FileEntry | null> {
    let response = await ask('HEAD', file, signal);
    if (response.status === 405 || response.status === 501 || (response.ok && !response.headers.has('content-length'))) {
      response = await ask('GET', file, signal, { range: 'bytes=0-0' });
    }
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) return null;
    refuse(response, addressOf(file));
    return { path: file, size: sizeOf(response), version: versionOf(response) };
  }

  return {
    async check() {
      try {
        const response = await ask('HEAD', '', AbortSignal.timeout(config.timeout * 1000));
        const denied = response.status === 401 || response.status === 403;
        return { ok: !denied, messages: [`"${context.connection}": ${shown(base)} answered ${response.status}${denied ? '; correct user, password or token' : ''}`] };
      } catch (error) {
        return { ok: false, messages: [`"${context.connection}": ${(error as Error).message}`] };
      }
    },
    async list(pattern, signal) {
      if (hasWildcard(pattern)) throw new ConfigurationError(`reading "${pattern}": a web server lists no files; name each file as a stream`);
      const entry = await find(pattern, signal);
      return entry ? [entry] : [];
    },
    find,
    async fetch(entry, to, control, range = { from: 0, to: entry.size }) {
      const size = range.to - range.from;
      const handle = await open(to, 'r+');
      try {
        for (let done = 0, left = tries; done < size;) {
          const before = done;
          const failure = await download(handle, done, entry, range, control).then(() => null, (error: unknown) => error);
          if (control.signal.aborted) throw control.signal.reason;
          done = (await handle.stat()).size;
          left = done > before ? tries : left - 1;
          if (failure !== null && (left === 0 || !EtlError.is(failure) || failure.disposition !== 'retry')) throw failure;
          if (left === 0) throw new SourceUnavailableError(`reading "${shown(addressOf(entry.path))}": the server sends ${done} of ${size} bytes and no more; the run goes on by itself`);
        }
      } finally {
        await handle.close();
      }
    },
    label: (file) => shown(addressOf(file)),
    close: async () => undefined,
  };

  /** Appends what is missing; only bytes of the version that was planned are added to those that are there. */
  async function download(handle: Awaited<ReturnType<typeof open>>, have: number, entry: FileEntry, range: ByteRange, control: Control): Promise<void> {
    const from = range.from + have;
    const partial = from > 0 || range.to < entry.size;
    const idle = idleSignal(config.timeout * 1000, control.signal);
    try {
      const response = await ask('GET', entry.path, idle.signal, partial ? { range: `bytes=${from}-${range.to - 1}`, ...(isStrong(entry.version) && { 'if-range': entry.version }) } : {});
      refuse(response, addressOf(entry.path));
      if (entry.version !== '' && versionOf(response) !== entry.version) throw changed(entry);
      let skip = partial && response.status !== 206 ? from : 0;
      if (response.status === 206 && startOf(response) !== from) throw new SourceUnavailableError(`reading "${shown(addressOf(entry.path))}": the server sent another range than it was asked for`);
      let at = have;
      for await (const piece of response.body ?? []) {
        idle.touch();
        const bytes = piece as Uint8Array;
        const useful = bytes.subarray(Math.min(skip, bytes.length), Math.min(bytes.length, skip + (range.to - range.from) - at));
        skip = Math.max(0, skip - bytes.length);
        if (useful.length > 0) await handle.write(useful, 0, useful.length, at);
        at += useful.length;
        control.progress({ bytes: at });
      }
    } catch (error) {
      if (EtlError.is(error) || control.signal.aborted) throw error;
      throw new SourceUnavailableError(`reading "${shown(addressOf(entry.path))}": the connection broke (${causeOf(error)}); the run goes on by itself`);
    } finally {
      idle.end();
    }
  }
}

const changed = (entry: FileEntry): SourceHeldError =>
  new SourceHeldError(`reading "${entry.path}": it has changed since the run was planned; cancel and run the pipeline again`, { file: entry.path });

/** A weak mark says that two versions are alike, not that their bytes are the same. */
const isStrong = (version: string): boolean => version.startsWith('"');

function authentication({ user, password, token }: HttpConfig): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  return user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
}

function refuse(response: Response, address: string): void {
  if (response.ok) return refusePacked(response, address);
  const where = `reading "${shown(address)}": the server answered ${response.status}`;
  if (response.status === 401 || response.status === 403) throw new SourceHeldError(`${where}; correct user, password or token of the connection, then "millrace resume RUN"`);
  if (response.status === 404 || response.status === 410) throw new SourceHeldError(`${where}; put the file there, then "millrace resume RUN"`);
  if (response.status === 429 || response.status >= 500 || response.status === 408) throw new SourceUnavailableError(`${where}; the run goes on by itself`);
  throw new SourceHeldError(`${where}; correct the address, then "millrace resume RUN"`);
}

/** Its sizes are those of what is packed, its bytes come unpacked: a file would be cut at the wrong place. */
function refusePacked({ headers }: Response, address: string): void {
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (encoding === 'identity' || encoding === '') return;
  throw new SourceHeldError(`reading "${shown(address)}": the server says "content-encoding: ${encoding.slice(0, 40)}" though it was asked for the bytes as they lie there, so that it cannot be told whether all of them come; have it serve the file without that header, then "millrace resume RUN"`);
}

const versionOf = (response: Response): string => response.headers.get('etag') ?? response.headers.get('last-modified') ?? '';
const startOf = (response: Response): number => Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

function sizeOf(response: Response): number {
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? response.headers.get('content-length');
  if (total === null || total === undefined) throw new SourceHeldError('reading a file from a web server: the server does not tell its size, so it could not be noticed if some of it were missing; use another address');
  return Number(total);
}

/** Addresses may carry secrets in their user part or query. */
function shown(address: string): string {
  const url = new URL(address);
  return `${url.protocol}//${url.host}${decodeURIComponent(url.pathname)}`;
}

/** A code where there is one. Messages about a header or an address repeat it, and with it a secret. */
function causeOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message: string };
  return cause?.code ?? cause?.message ?? (/header|ByteString|URL/.test(message) ? 'the address or a header of the connection has a character that cannot be sent (a line break in a secret?)' : message);
}

/** Aborts when nothing has come for a while, or with the activity. */
function idleSignal(millis: number, outer: AbortSignal) {
  const own = new AbortController();
  let timer = setTimeout(() => own.abort(new Error('no byte came for too long')), millis);
  const stop = () => own.abort(outer.reason);
  outer.addEventListener('abort', stop, { once: true });
  return {
    signal: own.signal,
    touch() { clearTimeout(timer); timer = setTimeout(() => own.abort(new Error('no byte came for too long')), millis); },
    end() { clearTimeout(timer); outer.removeEventListener('abort', stop); },
  };
}
