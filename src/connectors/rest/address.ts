import { SourceHeldError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { RestStream } from './config';

/** What a page tells about the one after it. */
export interface Signs {
  readonly rows: number;
  readonly headers: Headers;
  /** At `pagination.from` or `more`; null: nothing there. */
  readonly member: string | null;
}

/** Address of the first page. @param parent value that `{parent}` stands for. */
export function firstAddress(base: string, stream: RestStream, window: Window | null, parent?: string): string {
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
    case 'link': return within(address, linkOf(signs.headers.get('link') ?? ''));
    case 'next_url': return within(address, signs.member === '' ? null : signs.member);
  }
}

/** An empty page ends in any case: going on would ask for it again and again. */
const ends = (more: string | undefined, { rows, member }: Signs): boolean => rows === 0 || (more !== undefined && member !== 'true');

const moved = (address: string, param: string, move: (now: bigint) => bigint): string =>
  withParam(address, param, String(move(BigInt(new URL(address).searchParams.get(param)!))));

function withParam(address: string, param: string, value: string): string {
  const url = new URL(address);
  url.searchParams.set(param, value);
  return url.href;
}

/** `<https://…>; rel="next"` among others. */
const linkOf = (header: string): string | null =>
  [...header.matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+=(?:"[^"]*"|[^\s;,"]+))*)/g)].find(([, , words]) => /;\s*rel="?(?:[^"]*\s)?next(?:\s[^"]*)?"?/i.test(words!))?.[1] ?? null;

/** The credentials are for this server only. */
function within(address: string, next: string | null): string | null {
  if (next === null) return null;
  if (!URL.canParse(next, address)) throw new SourceHeldError(`reading "${shown(address)}": what should be the address of the next page is none; correct "pagination" of the stream`);
  const url = new URL(next, address);
  if (url.origin !== new URL(address).origin) throw new SourceHeldError(`reading "${shown(address)}": the next page is said to be on another server, "${url.host}", which gets no credentials; name that server in "url" of the connection`);
  return url.href;
}

/** Queries may carry secrets. */
export function shown(address: string): string {
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}
