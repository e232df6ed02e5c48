import type { ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { LandedPage } from '../../src/connectors/connector';
import { rest } from '../../src/connectors/rest';
import { parseConnections } from '../../src/config/connections';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { Plan } from '../../src/domain/plan';
import { openLocalStaging } from '../../src/stores/local-staging';
import { waitOf } from '../../src/connectors/rest/rules';
import { governorIn } from '../../src/stores/governor';
import { landingIn, openBench, quietControl, type Bench } from '../support/files';
import { openRestServer, records, sendJson, type RestServer } from '../support/rest-server';

let server: RestServer;
const benches: Bench[] = [];
beforeAll(async () => { server = await openRestServer(); });
beforeEach(() => { server.asked.length = 0; });
afterAll(async () => {
  for (const bench of benches) await bench.close();
  server.close();
});

async function over(streams: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const bench = await openBench(rest, { url: `${server.url}/api`, streams, ...more });
  benches.push(bench);
  return bench;
}

const ids = (rows: readonly { readonly [name: string]: string | null }[]): readonly number[] => rows.map((row) => Number(row['id']));
const upTo = (total: number): readonly number[] => Array.from({ length: total }, (_unused, index) => index);
const total = 25;
const link = (url: URL, page: number): string => `<${server.url}/api/r?page=1>; rel="first", <${server.url}${url.pathname}?page=${page + 1}&x=a%2Cb>; title="on, and on"; rel="next"`;

test.each<[string, Record<string, unknown>, (url: URL, response: ServerResponse) => void, number]>([
  ['a page number', { records: 'data.items', pagination: { type: 'page' } }, (url, response) => sendJson(response, { data: { items: records((Number(url.searchParams.get('page')) - 1) * 10, 10, total) } }), 4],
  ['a page number that tells whether there is more', { records: 'items', pagination: { type: 'page', more: 'more' } }, (url, response) => sendJson(response, { items: records((Number(url.searchParams.get('page')) - 1) * 10, 10, total), more: Number(url.searchParams.get('page')) < 3 }), 3],
  ['an offset', { pagination: { type: 'offset' } }, (url, response) => sendJson(response, records(Number(url.searchParams.get('offset')), 10, total)), 4],
  ['a cursor in the body', { records: 'items', pagination: { type: 'cursor', param: 'cursor', from: 'meta.next' } }, (url, response) => { const from = Number(url.searchParams.get('cursor') ?? 0); sendJson(response, { items: records(from, 10, total), meta: { next: from + 10 < total ? String(from + 10) : null } }); }, 3],
  ['a cursor in the body that is empty at the end', { records: 'items', pagination: { type: 'cursor', param: 'cursor', from: 'meta.next' } }, (url, response) => { const from = Number(url.searchParams.get('cursor') ?? 0); sendJson(response, { items: records(from, 10, total), meta: { next: from + 10 < total ? String(from + 10) : '' } }); }, 3],
  ['a cursor in a header', { pagination: { type: 'cursor', param: 'after', header: 'X-Next' } }, (url, response) => { const from = Number(url.searchParams.get('after') ?? 0); sendJson(response, records(from, 10, total), from + 10 < total ? { 'x-next': String(from + 10) } : {}); }, 3],
  ['a Link header', { pagination: { type: 'link' } }, (url, response) => { const page = Number(url.searchParams.get('page') ?? 1); sendJson(response, records((page - 1) * 10, 10, total), page < 3 ? { link: link(url, page) } : {}); }, 3],
  ['the address of the next page', { records: 'items', pagination: { type: 'next_url', from: 'next' } }, (url, response) => { const from = Number(url.searchParams.get('from') ?? 0); sendJson(response, { items: records(from, 10, total), next: from + 10 < total ? `/api/r?from=${from + 10}` : null }); }, 3],
])('pages that lead on by %s', async (_kind, stream, answer, pages) => {
  const bench = await over({ r: { path: 'r', columns: { id: 'BIGINT', name: 'VARCHAR' }, ...stream } });
  server.answer = (url, _request, response) => answer(url, response);
  const found = await bench.read('r');
  expect(ids(found.rows)).toEqual(upTo(total));
  expect(found.count).toBe(total);
  expect(server.asked).toHaveLength(pages);
});

test('columns are what the first page shows; a field that comes later is named and not lost', async () => {
  const bench = await over({ r: { path: 'r', pagination: { type: 'offset' } } });
  server.answer = (url, _request, response) => sendJson(response, records(Number(url.searchParams.get('offset')), 10, 15));
  const { plan, rows } = await bench.read('r');
  expect(plan.columns.map(({ name, type }) => [name, type])).toEqual([['id', 'BIGINT'], ['name', 'VARCHAR']]);
  expect(rows).toHaveLength(15);
  server.answer = (url, _request, response) => sendJson(response, records(Number(url.searchParams.get('offset')), 10, 15).map((row) => (row.id < 10 ? row : { ...row, email: 'x' })));
  await expect(bench.read('r')).rejects.toThrow('page 2 has "email", which the first page did not show');
});

test('numbers of any length keep their digits', async () => {
  const bench = await over({ r: { path: 'r', records: 'd', columns: { id: 'HUGEINT', amount: 'DECIMAL(18,2)' }, pagination: { type: 'cursor', param: 'c', from: 'next' } } });
  server.answer = (url, _request, response) => void response.writeHead(200).end(url.searchParams.has('c') ? '{"d":[]}' : '{"d":[{"id":123456789012345678901234567890,"amount":9007199254740.93}],"next":9223372036854775807}');
  const { rows } = await bench.read('r');
  expect(rows).toEqual([{ id: '123456789012345678901234567890', amount: '9007199254740.93' }]);
  expect(server.asked[1]).toBe('/api/r?c=9223372036854775807');
});

test.each<[string, string, Buffer, Record<string, string>]>([
  ['JSON Lines', 'jsonl', Buffer.from('{"id":0}\n{"id":1}\n'), {}],
  ['CSV', 'csv', Buffer.from('id\n0\n1\n'), {}],
  ['packed by the way', 'json', gzipSync('[{"id":0},{"id":1}]'), { 'content-encoding': 'gzip' }],
  ['packed itself', 'csv', gzipSync('id\n0\n1\n'), { 'content-type': 'application/gzip' }],
])('answers as %s', async (_kind, decode, body, headers) => {
  server.answer = (_url, _request, response) => void response.writeHead(200, headers).end(body);
  const { rows } = await (await over({ r: { path: 'r', decode } })).read('r');
  expect(ids(rows)).toEqual([0, 1]);
});

test('a number with an exponent fits where its type holds all of it; one in JSON keeps every digit', async () => {
  const columns = { id: 'BIGINT', amount: 'DECIMAL(38,2)' };
  server.answer = (_url, _request, response) => void response.writeHead(200).end('id,amount\n1,1.25E7\n2,1E-3\n3,-2.5e2\n');
  const csv = await (await over({ r: { path: 'r', decode: 'csv', columns } })).read('r');
  expect([csv.rows, csv.rejects.map(({ reasons }) => reasons)]).toEqual([[{ id: '1', amount: '12500000.00' }, { id: '3', amount: '-250.00' }], [expect.stringContaining('is not a DECIMAL(38,2) value')]]);
  server.answer = (_url, _request, response) => void response.writeHead(200).end('[{"id":1,"amount":12345678901234567890123456789.12}]');
  const json = await (await over({ r: { path: 'r', columns } })).read('r');
  expect([json.rows, json.rejects]).toEqual([[{ id: '1', amount: '12345678901234567890123456789.12' }], []]);
});

test('children are asked for once for each record of their parent, and get its value', async () => {
  const bench = await over({
    issues: { path: 'issues', pagination: { type: 'page' } },
    comments: { path: 'issues/{parent}/comments', parent: { stream: 'issues', field: 'number', as: 'issue' }, pagination: { type: 'page' } },
  });
  server.answer = (url, _request, response) => {
    const page = Number(url.searchParams.get('page'));
    const [, issue] = /issues\/([^/]+)\/comments/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (issue === undefined) return sendJson(response, page < 3 ? [{ number: page * 10 }, { number: page * 10 + 1 }] : []);
    sendJson(response, page <= Number(issue) % 10 * 2 ? [{ id: Number(issue) * 100 + page }] : []);
  };
  const { rows } = await bench.read('comments');
  expect(rows).toEqual([{ issue: '11', id: '1101' }, { issue: '11', id: '1102' }, { issue: '21', id: '2101' }, { issue: '21', id: '2102' }]);
});

test('a reading that breaks off goes on with the next page, and gives the same files again', async () => {
  const bench = await over({ r: { path: 'r', columns: { id: 'BIGINT' }, pagination: { type: 'page' } } });
  const source = await rest.openSource!({ url: `${server.url}/api`, streams: { r: { path: 'r', columns: { id: 'BIGINT' }, pagination: { type: 'page' } } } }, { engine: bench.engine, baseFolder: bench.home, connection: 'in' });
  const stream = parsePipeline('pipeline: p\nsource: in\ndestination: out\nstreams: [{ stream: r, to: t, mode: full }]\n', 'test.yaml').streams[0]!;
  const kept = new Map<number, LandedPage>();
  const landing = { ...landingIn(path.join(bench.home, 'landing')), pages: { find: async (number: number) => kept.get(number) ?? null, record: async (number: number, page: LandedPage) => { if (!kept.has(number)) kept.set(number, page); return kept.get(number)!; } } };
  const plan = await source.plan({ stream, position: null, files: [], logicalDate: '2026-11-24T00:00:00Z' }, quietControl()) as Plan;
  const read = () => source.read({ stream, plan, partition: plan.partitions[0]! }, landing, quietControl());
  let broken = 0;
  server.answer = (url, _request, response) => {
    const page = Number(url.searchParams.get('page'));
    if (broken++ % 2 === 0) return void response.destroy();
    sendJson(response, records((page - 1) * 10, 10, total));
  };
  for (let attempt = 0; attempt < 4; attempt += 1) await expect(read()).rejects.toMatchObject({ disposition: 'retry' });
  const files = await read();
  expect(files.map(({ rows }) => rows)).toEqual([10, 10, 5]);
  expect(server.asked).toHaveLength(8);
  expect(await read()).toEqual(files);
  expect(server.asked).toHaveLength(8);
});

describe('a server that misbehaves', () => {
  const paged = { r: { path: 'r', columns: { id: 'BIGINT' }, records: 'items', pagination: { type: 'cursor', param: 'c', from: 'next' } } };
  test.each<[string, (url: URL, response: ServerResponse) => void, string, string]>([
    ['a cursor that does not move', (_url, response) => sendJson(response, { items: [{ id: server.asked.length }], next: 'a' }), 'a next page that was read already', 'hold'],
    ['the same page under another cursor', (_url, response) => sendJson(response, { items: [{ id: 1 }], next: String(server.asked.length) }), 'the same records', 'hold'],
    ['a truncated body', (_url, response) => { response.writeHead(200, { 'content-length': '100' }); response.write('{"items":[', () => response.destroy()); }, 'cut off', 'retry'],
    ['a truncated body that ends well', (_url, response) => void response.writeHead(200).end('{"items":[{"id":1}'), 'cut off or damaged', 'retry'],
    ['HTML with status 200', (_url, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'), 'an HTML page', 'retry'],
    ['HTML that says it is JSON', (_url, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(' <html>log in</html>'), 'HTML or XML', 'retry'],
    ['bytes that are no text', (_url, response) => void response.writeHead(200).end(Buffer.from([0x7b, 0xff, 0xfe])), 'no text in UTF-8', 'retry'],
    ['a slow drip', (_url, response) => { response.writeHead(200); const timer = setInterval(() => response.write(' '), 50); response.on('close', () => clearInterval(timer)); }, 'not complete after 1 seconds', 'retry'],
    ['records that are elsewhere', (_url, response) => sendJson(response, { data: [] }), 'no list of records at "items"', 'hold'],
    ['one object in place of a list', (_url, response) => sendJson(response, { items: { error: 'moved' } }), 'one object where a list of records is expected at "items"', 'hold'],
    ['records of another kind', (_url, response) => sendJson(response, { items: [{ error: 'moved' }] }), 'its records have none of the columns "id"', 'hold'],
    ['a page that is too large', (_url, response) => sendJson(response, { items: [{ id: 'x'.repeat(5_000) }] }), 'more than 4000 bytes', 'hold'],
    ['pages without end', (_url, response) => sendJson(response, { items: [{ id: server.asked.length }], next: String(server.asked.length) }), 'has taken 8 requests', 'hold'],
    ['a next page on another server', (_url, response) => void response.writeHead(302, { location: 'http://127.0.0.2:1/' }).end(), 'gets no credentials', 'hold'],
    ['a redirect in a circle', (url, response) => void response.writeHead(302, { location: url.href }).end(), 'without end', 'hold'],
    ['wrong credentials', (_url, response) => void response.writeHead(401).end(), 'correct "auth"', 'hold'],
    ['a forbidden stream', (_url, response) => void response.writeHead(403).end(), 'let the user of the connection read it', 'hold'],
    ['a broken server', (_url, response) => void response.writeHead(500).end('<html>'), '500', 'retry'],
  ])('%s is named', async (_kind, answer, message, disposition) => {
    const bench = await over(paged, { timeout: 1, max_page_bytes: 4000, max_pages: 8 });
    server.answer = (url, _request, response) => answer(url, response);
    await expect(bench.read('r')).rejects.toMatchObject({ message: expect.stringContaining(message) as string, disposition });
  });

  test.each<[string, string, string, string]>([
    ['HTML in place of CSV', 'csv', ' <html>\n<p>log in\n', 'HTML or XML'],
    ['HTML in place of JSON Lines', 'jsonl', '<html>\n<p>log in\n', 'HTML or XML'],
    ['a message in place of CSV', 'csv', 'message\ntry later\n', 'none of the columns "id"'],
  ])('%s is named', async (_kind, decode, body, message) => {
    server.answer = (_url, _request, response) => void response.writeHead(200).end(body);
    await expect((await over({ r: { path: 'r', columns: { id: 'BIGINT' }, decode } })).read('r')).rejects.toThrow(message);
  });

  test('a spent budget says when it is new', () => {
    const now = Date.UTC(2026, 0, 1);
    const wait = (headers: Record<string, string>): number | null => waitOf(new Headers(headers), now);
    expect(wait({ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' })).toBe(60_000);
    expect(wait({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 90) })).toBe(90_000);
    expect(wait({ 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': String(now / 1000 + 90) })).toBeNull();
    expect(wait({ 'retry-after': '1000000' })).toBe(86_400_000);
  });

  test('403 of a spent budget is a wait, and no matter of rights', async () => {
    server.answer = (_url, _request, response) => void response.writeHead(403, { 'x-ratelimit-remaining': '0', 'retry-after': '600' }).end();
    await expect((await over(paged)).read('r')).rejects.toMatchObject({ name: 'SourceThrottledError', retryAfter: 600_000 });
  });

  test('a refresh token buys tokens, and one that is refused is named with the reason', async () => {
    const auth = { type: 'oauth2', grant: 'refresh_token', token_url: `${server.url}/token`, client_id: 'me', client_secret: 'secret', refresh_token: 'long lived', scope: 'read' };
    let form = '';
    server.answer = (url, request, response) => {
      if (url.pathname !== '/token') return sendJson(response, request.headers.authorization === 'Bearer short' ? { items: [{ id: 1 }] } : { items: [] });
      request.on('data', (piece) => { form += String(piece); });
      request.on('end', () => { if (form.includes('long+lived')) sendJson(response, { access_token: 'short', expires_in: 60 }); else response.writeHead(400).end('{"error":"invalid_grant"}'); });
    };
    expect((await (await over(paged, { auth })).read('r')).count).toBe(1);
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({ grant_type: 'refresh_token', client_id: 'me', client_secret: 'secret', refresh_token: 'long lived', scope: 'read' });
    form = '';
    await expect((await over(paged, { auth: { ...auth, refresh_token: 'revoked' } })).read('r')).rejects.toThrow('it was refused (400, invalid_grant); correct "auth"');
  });

  test.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '120' }, 120_000],
    ['nothing', {}, 30_000],
  ])('429 with %s is a wait that the run takes as a timer', async (_kind, headers, wait) => {
    const bench = await over(paged);
    server.answer = (_url, _request, response) => void response.writeHead(429, headers).end();
    await expect(bench.read('r')).rejects.toMatchObject({ name: 'SourceThrottledError', retryAfter: wait });
    expect(server.asked).toHaveLength(1);
  });

  test('a short wait is taken at once', async () => {
    const bench = await over(paged);
    server.answer = (_url, _request, response) => (server.asked.length < 3 ? void response.writeHead(429, { 'retry-after': '0' }).end() : sendJson(response, { items: [{ id: 1 }] }));
    expect((await bench.read('r')).count).toBe(1);
  });

  test('a token that expires is renewed once, and a second refusal is for a person', async () => {
    const auth = { type: 'oauth2', token_url: `${server.url}/token`, client_id: 'me', client_secret: 'secret' };
    let valid = 'token 1';
    let given = 0;
    server.answer = (url, request, response) => {
      if (url.pathname === '/token') return sendJson(response, { access_token: `token ${++given}`, expires_in: 3600 });
      if (request.headers.authorization !== `Bearer ${valid}`) return void response.writeHead(401).end();
      if (url.searchParams.has('c')) return sendJson(response, { items: [{ id: 2 }] });
      sendJson(response, { items: [{ id: 1 }], next: 'b' });
      valid = 'token 2';
    };
    expect((await (await over(paged, { auth })).read('r')).count).toBe(2);
    valid = 'never';
    await expect((await over(paged, { auth })).read('r')).rejects.toThrow('correct "auth"');
  });

  test('error rules decide by status and by body', async () => {
    const errors = [{ status: 404, then: 'ignore' }, { body: { path: 'ok', equals: 'false' }, then: 'retry', after: 60 }];
    const bench = await over(paged, { errors });
    server.answer = (_url, _request, response) => void response.writeHead(404).end('<html>');
    expect((await bench.read('r')).count).toBe(0);
    server.answer = (_url, _request, response) => sendJson(response, { ok: false });
    await expect(bench.read('r')).rejects.toMatchObject({ retryAfter: 60_000 });
    const other = await over(paged, { errors: [{ body: { path: 'ok', equals: 'false' }, then: 'fail' }] });
    await expect(other.read('r')).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('200 with "ok: false"') as string });
  });
});

test('an incremental reading asks from the checkpoint to just before now', async () => {
  const bench = await over({ r: { path: 'r', columns: { id: 'BIGINT', at: 'TIMESTAMP WITH TIME ZONE' }, incremental: { since: 'since', until: 'until' } } });
  server.answer = (_url, _request, response) => sendJson(response, []);
  const first = await bench.read('r', 'key: [id], cursor: at');
  expect(server.asked).toEqual(['/api/r?until=2026-11-24T00%3A00%3A00Z']);
  expect(first.plan.position.cursor).toBe('2026-11-24T00:00:00Z');
  server.asked.length = 0;
  await bench.read('r', 'key: [id], cursor: at, lookback: 10 minutes', { position: { cursor: '2026-11-23T00:00:00Z' } });
  expect(server.asked).toEqual(['/api/r?since=2026-11-22T23%3A49%3A59Z&until=2026-11-24T00%3A00%3A00Z']);
  server.asked.length = 0;
  const none = await bench.read('r', 'key: [id], cursor: at', first.plan);
  expect([none.plan.partitions, none.plan.position.cursor, server.asked]).toEqual([[], '2026-11-24T00:00:00Z', []]);
});

test('all who use a connection share one budget, after a restart too', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-governor-'));
  const rate = { requests: 20, per: 1000 };
  const { signal } = new AbortController();
  const times: number[] = [];
  const user = async () => {
    const governor = governorIn(await openLocalStaging(folder), 'a connection');
    for (let request = 0; request < 10; request += 1) {
      await governor.permit(rate, signal);
      times.push(Date.now());
    }
  };
  await Promise.all([user(), user(), user()]);
  times.sort((left, right) => left - right);
  // Thirty requests, one in 50 ms, from three users: the last one cannot come before 29 slots have passed.
  expect(times.length).toBe(30);
  expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(29 * 50 - 50);
  await expect((async () => { for (;;) await governorIn(await openLocalStaging(folder), 'slow').permit({ requests: 1, per: 3_600_000 }, signal); })()).rejects.toMatchObject({ name: 'SourceThrottledError' });
  await rm(folder, { recursive: true, force: true });
});

test('a reading that is cancelled stops at once, also while the server keeps silent', async () => {
  const source = await rest.openSource!({ url: server.url, streams: { r: { path: 'r', columns: { id: 'BIGINT' } } } }, { engine: benches[0]!.engine, baseFolder: '.', connection: 'in' });
  const stream = parsePipeline('pipeline: p\nsource: in\ndestination: out\nstreams: [{ stream: r, to: t, mode: full }]\n', 'test.yaml').streams[0]!;
  const plan = await source.plan({ stream, position: null, files: [], logicalDate: '2026-11-24T00:00:00Z' }, quietControl()) as Plan;
  const stop = new AbortController();
  server.answer = () => stop.abort(new Error('stopped'));
  await expect(source.read({ stream, plan, partition: plan.partitions[0]! }, landingIn(benches[0]!.home), quietControl(stop.signal))).rejects.toThrow('stopped');
});

test('a value that does not fit is set aside with its record, and a field that is gone is named', async () => {
  const bench = await over({ r: { path: 'r' } });
  server.answer = (_url, _request, response) => sendJson(response, [{ id: 1, amount: '5.50' }, { id: 2, amount: 'much' }]);
  const found = await bench.read('r', 'types: { amount: "DECIMAL(9,2)" }');
  expect(found.rows).toEqual([{ id: '1', amount: '5.50' }]);
  expect(found.rejects).toMatchObject([{ raw: '{"id":2,"amount":"much"}', origin: 'r, page 1' }]);
  server.answer = (_url, _request, response) => sendJson(response, [{ id: 3 }]);
  const other = await over({ r: { path: 'r', incremental: { since: 's' } } });
  const { plan } = await other.read('r', 'key: [id], cursor: id', { position: { cursor: null, state: { columns: [{ name: 'id', type: 'BIGINT', nullable: true }, { name: 'amount', type: 'VARCHAR', nullable: true }] } } });
  expect(plan.notes.join()).toContain('has no "amount" any more');
  expect(plan.columns.map(({ name }) => name)).toEqual(['id', 'amount']);
});

test.each([
  ['a parent that is not there', { path: 'a/{parent}', parent: { stream: 'x', field: 'id' } }, 'there is no stream "x"'],
  ['a path without its parent', { path: 'a/{parent}' }, 'go together'],
  ['a cursor from two places', { path: 'a', pagination: { type: 'cursor', param: 'c', from: 'x', header: 'y' } }, 'either from or header'],
  ['members of a CSV', { path: 'a', decode: 'csv', pagination: { type: 'next_url', from: 'next' } }, 'only json answers'],
])('a connection with %s is refused', (_kind, stream, message) => {
  const parsed = rest.configSchema.safeParse({ url: 'http://127.0.0.1', streams: { r: stream } });
  expect(parsed.error?.issues.map((issue) => issue.message).join()).toContain(message);
});

test('an incremental stream needs a cursor and a key', () => {
  const connections = parseConnections('api: { connector: rest, url: "http://127.0.0.1", streams: { r: { path: r } } }\nout: { connector: duckdb, path: a.duckdb }\n', 'connections.yaml');
  const parse = (words: string) => () => parsePipeline(`pipeline: p\nsource: api\ndestination: out\nstreams: [{ stream: r, mode: incremental, ${words} }]\n`, 'p.yaml', connections);
  expect(parse('key: [id]')).toThrow('needs "cursor"');
  expect(parse('cursor: at')).toThrow('needs "key"');
  expect(parse('cursor: at, key: [id]')).not.toThrow();
});
