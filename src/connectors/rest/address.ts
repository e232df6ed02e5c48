import { SourceHeldError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { RestStream } from './config';
import { nextLink } from './link-header';

/** What a page tells about the one after it. */
export interface Signs {
  readonly rows: number;
  readonly headers: Headers;
  /** At `pagination.from` or `more`; null: nothing there. */
  readonly member: string | null;
  /** The page they are of, as messages name it. */
  readonly where: string;
}

/** Address of the first page. @param parent value that `{parent}` stands for. */
export function firstAddress(base: string, stream: RestStream, window: Window | null, parent?: string): string {
  // A dot is a step in a path, whatever is written for it.
  if (parent === '.' || parent === '..') throw new SourceHeldError(`reading below "${base}": a record of the parent has "${parent}" where its id should be, which no path can hold; correct "field" of "parent"`);
  const where = parent === undefined ? stream.path : stream.path.replaceAll('{parent}', encodeURIComponent(parent));
  const url = new URL(where.replace(/^\/+/, ''), base.endsWith('/') ? base : `${base}/`);
  for (const [name, value] of Object.entries(stream.params)) url.searchParams.set(name, String(value));
  const { pagination, incremental } = stream;
  if (pagination.type === 'page' || pagination.type === 'offset') url.searchParams.set(pagination.param, String(pagination.start));
  if (window && incremental) {
    if (window.lower !== null) url.searchParams.set(incremental.since, written(window.lower, incremental.format));
    if (incremental.until) url.searchParams.set(incremental.until, written(window.upper, incremental.format));
  }
  return url.href;
}

function written(instant: string, format: NonNullable<RestStream['incremental']>['format']): string {
  switch (format) {
    case 'iso': return instant;
    case 'date': return instant.slice(0, 10);
    case 'epoch': return String(Math.floor(Date.parse(instant) / 1000));
    case 'epoch_ms': return String(Date.parse(instant));
  }
}

/** Null: this was the last page. */
export function nextAddress(address: string, { pagination }: RestStream, signs: Signs): string | null {
  switch (pagination.type) {
    case 'none': return null;
    case 'page': return ends(pagination.more, signs) ? null : moved(address, pagination.param, (now) => now + 1n);
    case 'offset': return ends(pagination.more, signs) ? null : moved(address, pagination.param, (now) => now + BigInt(signs.rows));
    case 'cursor': {
      const cursor = pagination.header === undefined ? signs.member : signs.headers.get(pagination.header);
      return cursor === null || cursor === '' ? null : withParam(address, pagination.param, cursor);
    }
    case 'link': return within(address, nextLink(signs.headers.get('link') ?? ''), signs.where);
    case 'next_url': return within(address, signs.member === '' ? null : signs.member, signs.where);
  }
}

/** An empty page is the last one, unless the answer says that there is more: some servers filter pages after they are cut. */
const ends = (more: string | undefined, { rows, member }: Signs): boolean => (more === undefined ? rows === 0 : member !== 'true');

const moved = (address: string, param: string, move: (now: bigint) => bigint): string =>
  withParam(address, param, String(move(BigInt(new URL(address).searchParams.get(param)!))));

function withParam(address: string, param: string, value: string): string {
  const url = new URL(address);
  url.searchParams.set(param, value);
  return url.href;
}

/** The credentials are for this server only. */
function within(address: string, next: string | null, where: string): string | null {
  if (next === null) return null;
  if (!URL.canParse(next, address)) throw new SourceHeldError(`reading "${where}": what should be the address of the next page is none; correct "pagination" of the stream`);
  const url = onSameServer(address, next);
  if (url === null) throw new SourceHeldError(`reading "${where}": the next page is said to be on another server, "${new URL(next, address).origin}", which gets no credentials; if that is the server to ask, name it in "url" of the connection`);
  return url;
}

/**
 * Where another address of the same server is, else null: the credentials are for this one only. A server behind a proxy often names itself by http where it is
 * asked by https: it is asked by https, so that nothing travels in the clear.
 */
export function onSameServer(address: string, next: string): string | null {
  const [here, url] = [new URL(address), new URL(next, address)];
  if (here.protocol === 'https:' && url.protocol === 'http:' && url.hostname === here.hostname && url.port === '') [url.protocol, url.port] = [here.protocol, here.port];
  if (url.origin !== here.origin || url.username !== '' || url.password !== '') return null;
  url.hash = '';
  return url.href;
}

/** How messages name a page of a stream: by its path as it is declared, since an id in it is a value of a record. */
export const shownOf = (base: string, { path }: Pick<RestStream, 'path'>): string => `${shown(base).replace(/\/+$/, '')}/${path.split('?')[0]!.replace(/^\/+/, '')}`;

/** Queries may carry secrets. */
export function shown(address: string): string {
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}
