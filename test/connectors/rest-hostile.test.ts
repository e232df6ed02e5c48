import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { rest } from '../../src/connectors/rest';
import { nextLink } from '../../src/connectors/rest/link-header';
import { onSameServer } from '../../src/connectors/rest/address';
import { waitOf } from '../../src/connectors/rest/rules';
import { openBench, type Bench } from '../support/files';
import { openRestServer, sendJson, type RestServer } from '../support/rest-server';

/** Servers, credentials and records that are not as they should be: nothing is lost, nothing leaks, and messages say what to do. */
let server: RestServer;
let other: RestServer;
const benches: Bench[] = [];
beforeAll(async () => { [server, other] = [await openRestServer(), await openRestServer()]; });
beforeEach(() => { server.asked.length = 0; other.asked.length = 0; });
afterAll(async () => {
  for (const bench of benches) await bench.close();
  server.close();
  other.close();
});

async function over(stream: object, more: object = {}): Promise<Bench> {
  const bench = await openBench(rest, { url: server.url, streams: { r: { path: 'r', ...stream } }, ...more });
  benches.push(bench);
  return bench;
}
const answer = (body: string | Buffer, headers: Record<string, string> = {}) => (_url: URL, _request: IncomingMessage, response: ServerResponse): void => void response.writeHead(200, headers).end(body);

/** What reading ends in, as an error. */
const refusal = async (bench: Bench, stream = 'r'): Promise<Error & { readonly disposition: string; readonly retryAfter?: number }> => {
  try {
    await bench.read(stream);
  } catch (error) {
    return error as Error & { readonly disposition: string };
  }
  throw new Error('nothing was refused');
};

describe('packed answers', () => {
  const lines = Array.from({ length: 3_000 }, (_unused, index) => `{"id":${index}}\n`).join('');
  const columns = { id: 'BIGINT' };

  test('half of a packed answer is not taken for the whole', async () => {
    const packed = gzipSync(lines);
    for (const headers of [{ 'content-encoding': 'gzip' }, { 'content-type': 'application/gzip' }]) {
      server.answer = answer(packed.subarray(0, packed.length / 2), headers);
      expect(await refusal(await over({ decode: 'jsonl', columns }))).toMatchObject({ disposition: 'retry', message: expect.stringContaining('cut off') as string });
    }
  });

  test.each<[string, Buffer, Record<string, string>]>([
    ['gzip', gzipSync(lines), { 'content-encoding': 'gzip' }], ['gzip in gzip', gzipSync(gzipSync(lines)), { 'content-encoding': 'gzip' }], ['brotli', brotliCompressSync(lines), { 'content-encoding': 'br' }],
    ['deflate', deflateSync(lines), { 'content-encoding': 'deflate' }], ['a name that is wrong', Buffer.from(lines), { 'content-encoding': 'gzip' }],
  ])('%s is unpacked', async (_kind, body, headers) => {
    server.answer = answer(body, headers);
    expect((await (await over({ decode: 'jsonl', columns })).read('r')).count).toBe(3_000);
  });

  test('what unpacks to more than a page may have is refused', async () => {
    server.answer = answer(brotliCompressSync('x'.repeat(100_000)), { 'content-encoding': 'br' });
    expect((await refusal(await over({ columns }, { max_page_bytes: 4_000 }))).message).toContain('more than 4000 bytes');
  });
});

describe('secrets', () => {
  const secret = 'do-not-show-me';

  test.each<[string, object]>([
    ['a token with a line break', { auth: { type: 'bearer', token: `${secret}\nX-More: 1` } }],
    ['a key that no header can carry', { auth: { type: 'header', name: 'x-key', value: `${secret}€` } }],
    ['a header of the connection', { headers: { 'x-key': `${secret}\n` } }],
    ['an address with a password', { url: `http://me:${secret}@127.0.0.1:1` }],
    ['an address with a key', { url: `http://127.0.0.1:1/?key=${secret}` }],
    ['a path to another server', { streams: { r: { path: `http://127.0.0.1:1/${secret}` } } }],
  ])('%s is refused by its place, without being shown', (_kind, more) => {
    const parsed = rest.configSchema.safeParse({ url: 'http://127.0.0.1:1', streams: { r: { path: 'r' } }, ...more });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error!.issues.map(({ message }) => message))).not.toContain(secret);
  });

  test('a token that a server gives with a line break is refused without being shown', async () => {
    server.answer = (_url, _request, response) => sendJson(response, { access_token: `${secret}\n` });
    const error = await refusal(await over({ columns: { id: 'BIGINT' } }, { auth: { type: 'oauth2', token_url: `${server.url}/token`, client_id: 'me' } }));
    expect(error).toMatchObject({ disposition: 'hold', message: expect.stringContaining('correct "auth"') as string });
    expect(error.message).not.toContain(secret);
  });

  test('nobody but the server gets credentials: not by a redirect, a next page or the way to a token', async () => {
    const auth = { type: 'bearer', token: secret };
    const read = async (stream: object, does: (response: ServerResponse) => void): Promise<string> => {
      server.answer = (_url, _request, response) => does(response);
      const error = await refusal(await over({ columns: { id: 'BIGINT' }, ...stream }, { auth }));
      expect(error.disposition).toBe('hold');
      return error.message;
    };
    expect(await read({}, (response) => void response.writeHead(307, { location: `${other.url}/r` }).end())).toContain(`"${other.url}", which gets no credentials`);
    expect(await read({ pagination: { type: 'link' } }, (response) => sendJson(response, [{ id: 1 }], { link: `<${other.url}/r?page=2>; rel="next"` }))).toContain(`"${other.url}", which gets no credentials`);
    expect(await read({ records: 'd', pagination: { type: 'next_url', from: 'n' } }, (response) => sendJson(response, { d: [{ id: 1 }], n: server.url.replace('//', '//you@') }))).toContain('which gets no credentials');
    server.answer = (_url, _request, response) => void response.writeHead(302, { location: `${other.url}/token` }).end();
    expect((await refusal(await over({ columns: { id: 'BIGINT' } }, { auth: { type: 'oauth2', token_url: `${server.url}/token`, client_id: 'me', client_secret: secret } }))).message).toContain('it was refused (302)');
    expect(other.asked).toEqual([]);
  });

  test('an id in a path is a value of a record, and not shown', async () => {
    server.answer = (url, _request, response) => (url.pathname === '/people' ? sendJson(response, [{ mail: 'ann@example.org' }]) : void response.writeHead(403).end());
    const bench = await over({}, { streams: { people: { path: 'people', columns: { mail: 'VARCHAR' } }, orders: { path: 'people/{parent}/orders', columns: { id: 'BIGINT' }, parent: { stream: 'people', field: 'mail' } } } });
    expect((await refusal(bench, 'orders')).message).toContain(`${server.url}/people/{parent}/orders": the server answered 403`);
    expect(server.asked).toEqual(['/people', '/people/ann%40example.org/orders']);
  });
});

test('a header of a connection takes the place of what is sent else', async () => {
  let seen: unknown;
  server.answer = (_url, request, response) => { seen = request.headers.accept; sendJson(response, []); };
  await (await over({ columns: { id: 'BIGINT' } }, { headers: { Accept: 'application/vnd.tracker+json' } })).read('r');
  expect(seen).toBe('application/vnd.tracker+json');
});

test.each<[string, string, string | null]>([
  ['plain', '<https://a/b?page=2>; rel=next', 'https://a/b?page=2'], ['several', '<u1>; rel="first",<u2?a=1,2>;rel="next"', 'u2?a=1,2'], ['two relations', '<u>; rel="prev next"', 'u'], ['a parameter without a value', '<u>; crossorigin; rel="next"', 'u'],
  ['a parameter with a star', "<u>; title*=UTF-8''n%C3%A4chste; rel=\"next\"", 'u'], ['quotes in quotes', '<u>; title="a \\"b\\"; c, d"; rel="next"', 'u'], ['spaces', ' <u> ; rel = "next" ', 'u'], ['capitals', '<u>; REL="NEXT"', 'u'],
  ['another word', '<u>; rel="nextish"', null], ['a word in a title', '<u>; title="; rel=next"; rel="prev"', null], ['nothing', '', null], ['rubbish', 'rel=next', null],
])('a Link header with %s', (_kind, header, next) => {
  expect(nextLink(header)).toBe(next);
});

test('a server behind a proxy that names itself by http is asked by https', () => {
  expect(onSameServer('https://a.example/x?page=1', 'http://a.example/x?page=2')).toBe('https://a.example/x?page=2');
  expect(onSameServer('https://a.example:8443/x', 'http://a.example/y')).toBe('https://a.example:8443/y');
  for (const next of ['http://b.example/x', 'http://a.example:81/x', 'https://me@a.example/x']) expect(onSameServer('https://a.example/x', next)).toBeNull();
});

describe('waits', () => {
  test.each<[string, Record<string, string>, number | null]>([
    ['a date of a clock that is an hour behind', { date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    ['a negative one', { 'retry-after': '-5' }, 100], ['an endless one', { 'retry-after': '9'.repeat(400) }, null], ['rubbish', { 'retry-after': 'soon' }, null],
    ['a budget that is new in seconds', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '45' }, 45_000],
    ['a budget that is new at an instant in milliseconds', { date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Date.UTC(2026, 0, 1) + 7_000) }, 7_000],
    ['a budget that does not say when', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '' }, null],
  ])('%s', (_kind, headers, wait) => {
    expect(waitOf(new Headers(headers), Date.UTC(2026, 0, 1, 1))).toBe(wait);
  });

  test('who says "at once" for ever is not flooded', async () => {
    server.answer = (_url, _request, response) => void response.writeHead(429, { 'retry-after': '0' }).end();
    expect(await refusal(await over({ columns: { id: 'BIGINT' } }))).toMatchObject({ name: 'SourceThrottledError', retryAfter: 30_000 });
    expect(server.asked).toHaveLength(6);
  });

  test('a worker whose clock is ahead of the server\'s waits, so that nothing written meanwhile is passed over', async () => {
    const stream = { columns: { id: 'BIGINT', at: 'TIMESTAMP WITH TIME ZONE' }, incremental: { since: 's' } };
    const readAt = async (behind: number): Promise<Error & { readonly disposition: string; readonly retryAfter?: number }> => {
      // The bench reads up to a fixed instant, or a minute before now where that is earlier.
      const there = Math.min(Date.UTC(2026, 10, 24), Date.now() - 60_000) + 60_000 - behind;
      server.answer = answer('[]', { date: new Date(there).toUTCString() });
      const bench = await over(stream);
      try {
        await bench.read('r', 'key: [id], cursor: at');
        return Object.assign(new Error('read'), { disposition: '' });
      } catch (error) {
        return error as Error & { readonly disposition: string };
      }
    };
    const waiting = await readAt(600_000);
    expect(waiting).toMatchObject({ name: 'SourceThrottledError', message: expect.stringMatching(/clock is 60\d seconds ahead of the server's/) as string });
    expect(Math.abs(waiting.retryAfter! - 600_000)).toBeLessThan(5_000);
    expect(await readAt(86_400_000)).toMatchObject({ disposition: 'hold', message: expect.stringContaining('set it right') as string });
    expect((await readAt(0)).message).toBe('read');
  });
});

describe('pages', () => {
  const columns = { id: 'BIGINT' };

  test('an empty page is not the last one where the answer says that there is more', async () => {
    server.answer = (url, _request, response) => {
      const page = Number(url.searchParams.get('page'));
      sendJson(response, { d: page === 2 ? [] : [{ id: page }], more: page < 3 });
    };
    expect((await (await over({ columns, records: 'd', pagination: { type: 'page', more: 'more' } })).read('r')).rows).toEqual([{ id: '1' }, { id: '3' }]);
    // With an offset there is nowhere to go.
    expect((await refusal(await over({ columns, records: 'd', pagination: { type: 'offset', param: 'page', start: 2, more: 'more' } }))).message).toContain('a next page that was read already');
  });

  test('null in place of the list is named with its remedy, which works', async () => {
    server.answer = answer('{"d":null}');
    const message = (await refusal(await over({ columns, records: 'd' }))).message;
    expect(message).toContain('(found: NULL)');
    const rule = /add (\{.*\}) to "errors"/.exec(message)![1]!;
    expect(rule).toBe('{ body: { path: d, equals: "null" }, then: ignore }');
    expect((await (await over({ columns, records: 'd' }, { errors: [{ body: { path: 'd', equals: 'null' }, then: 'ignore' }] })).read('r')).count).toBe(0);
  });

  test('children are asked for once for each value of their parents, whatever it holds', async () => {
    const ids = ['a/b', 'ü?#%', '1', '1', ' '];
    server.answer = (url, _request, response) => {
      if (url.pathname === '/r') return sendJson(response, url.searchParams.get('page') === '1' ? ids.map((id) => ({ id })) : url.searchParams.get('page') === '2' ? [{ id: '1' }] : []);
      sendJson(response, [{ of: decodeURIComponent(url.pathname.slice('/r/'.length)) }]);
    };
    const streams = { r: { path: 'r', columns: { id: 'VARCHAR' }, pagination: { type: 'page' } }, c: { path: 'r/{parent}', columns: { of: 'VARCHAR', id: 'VARCHAR' }, parent: { stream: 'r', field: 'id', as: 'id' } } };
    expect((await (await over({}, { streams })).read('c')).rows).toEqual([...new Set(ids)].map((id) => ({ of: id, id })));
    ids.push('..');
    expect((await refusal(await over({}, { streams }), 'c')).message).toContain('which no path can hold');
  });

  test('a mark of the order of bytes is no part of an answer', async () => {
    server.answer = answer('\ufeff[{"id":1}]');
    expect((await (await over({ columns })).read('r')).rows).toEqual([{ id: '1' }]);
  });

  test.each<[string, string]>([['without a name', '[{"id":1,"":2}]'], ['with a NUL in its name', '[{"id":1,"a\\u0000b":2}]']])('a member %s is named, and columns are the way out', async (what, body) => {
    server.answer = answer(body);
    expect((await refusal(await over({}))).message).toContain(`records have a member ${what}`);
    expect((await (await over({ columns })).read('r')).rows).toEqual([{ id: '1' }]);
  });

  test('records that nest without end are read, with flatten, too', async () => {
    server.answer = answer(`[{"id":1,"d":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}]`);
    const { plan, rows } = await (await over({ flatten: true })).read('r');
    expect(plan.columns.map(({ name }) => name)).toEqual(['id', `d${'.a'.repeat(15)}`]);
    expect(rows[0]![`d${'.a'.repeat(15)}`]).toHaveLength((5_000 - 15) * 6 + 1);
  });

  test.each<[string, string, string, string | null]>([
    ['1e400', '1e400', 'DOUBLE', null], ['2^63', '9223372036854775808', 'BIGINT', null], ['2^63 as text', '9223372036854775808', 'VARCHAR', '9223372036854775808'],
    ['more digits than a type holds', '0.1000000000000000055511151231257827', 'DECIMAL(38,9)', null], ['a NUL', '"a\\u0000b"', 'VARCHAR', null],
  ])('%s costs its own record at most', async (_kind, value, type, read) => {
    server.answer = answer(`[{"id":1,"v":${value}},{"id":2,"v":null}]`);
    const { rows, rejects } = await (await over({ columns: { id: 'BIGINT', v: type } })).read('r');
    expect(rows).toEqual([...(read === null ? [] : [{ id: '1', v: read }]), { id: '2', v: null }]);
    expect(rejects).toHaveLength(read === null ? 1 : 0);
  });
});

describe('pages that were overlooked', () => {
  const columns = { id: 'BIGINT' };
  test.each<[string, object, object, Record<string, string>, string]>([
    ['no pagination and a Link header', {}, [{ id: 1 }], { link: '</r?page=2>; rel="next"' }, 'by "Link: rel=next" that there are more pages; name it in "pagination"'],
    ['no pagination and a next page in the answer', { records: 'd' }, { d: [{ id: 1 }], links: { self: '/r', next: '/r?page=2' } }, {}, 'by "links.next"'],
    ['a cursor that is misspelt', { records: 'd', pagination: { type: 'cursor', param: 'c', from: 'meta.nxt' } }, { d: [{ id: 1 }], meta: { next_cursor: 'abc' } }, {}, 'by "meta.next_cursor" that there are more pages; "pagination" looks at "meta.nxt", which it does not have'],
    ['an address that is elsewhere', { records: 'd', pagination: { type: 'next_url', from: 'next' } }, { d: [{ id: 1 }], paging: { next: '/r?page=2' } }, {}, 'by "paging.next"'],
    ['a word for more that is misspelt', { records: 'd', pagination: { type: 'page', more: 'more' } }, { d: [{ id: 1 }], has_more: true }, {}, 'by "has_more"'],
  ])('%s: the first page is not taken for everything', async (_kind, stream, content, headers, message) => {
    server.answer = (_url, _request, response) => sendJson(response, content, headers);
    expect(await refusal(await over({ columns, ...stream }))).toMatchObject({ disposition: 'hold', message: expect.stringContaining(message) as string });
  });

  test.each<[string, object, object, Record<string, string>]>([
    ['the first page alone is wanted', { pagination: { type: 'none', first_page_only: true } }, [{ id: 1 }], { link: '</r?page=2>; rel="next"' }],
    ['the answer says that there are no more', { records: 'd' }, { d: [{ id: 1 }], next: null, has_more: false, page: { next_cursor: '' } }, {}],
    ['the last page leaves its cursor out', { records: 'd', pagination: { type: 'cursor', param: 'c', from: 'meta.next' } }, { d: [{ id: 1 }], meta: { count: 1 }, cursor: 'this one' }, {}],
    ['a record has a member of such a name', {}, { id: 1, next: 'Monday' }, {}],
    ['records have one', { records: 'd' }, { d: [{ id: 1, next: 'Monday' }] }, {}],
  ])('%s: it is read', async (_kind, stream, content, headers) => {
    server.answer = (_url, _request, response) => sendJson(response, content, headers);
    expect((await (await over({ columns, ...stream })).read('r')).rows).toEqual([{ id: '1' }]);
  });
});

test('check tries every stream, and discover says why no columns can be told', async () => {
  server.answer = (url, _request, response) => (url.pathname === '/good' ? sendJson(response, [{ id: 1 }]) : void response.writeHead(url.pathname === '/bad' ? 403 : 401).end());
  const open = async (streams: object) => await rest.openSource!({ url: server.url, streams }, { engine: benches[0]!.engine, baseFolder: '.', connection: 'api' });
  const [good, bad, worse] = [{ path: 'good' }, { path: 'bad' }, { path: 'worse' }];
  const both = await open({ good, bad });
  expect(await both.check()).toEqual({ ok: false, messages: ['"api": the first page of "good" can be read', expect.stringContaining('/bad": the server answered 403')] });
  expect((await both.discover()).map(({ stream, columns }) => [stream, columns.length])).toEqual([['good', 1], ['bad', 0]]);
  await expect((await open({ worse, bad })).discover()).rejects.toThrow('the server answered 401; correct "auth"');
});
