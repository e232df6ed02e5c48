import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { http } from '../../src/connectors/http';
import { openBench, type Bench } from '../support/files';

/** A web server that breaks off, changes and refuses. */
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[] = [];
let url: string;
const benches: Bench[] = [];
beforeAll(async () => {
  server = createServer((request, response) => { requests.push(request); answer(request, response); });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/`;
});
beforeEach(() => { requests = []; });
afterAll(async () => {
  for (const bench of benches) await bench.close();
  server.closeAllConnections();
  server.close();
});

async function over(config: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const bench = await openBench(http, { url, ...config });
  benches.push(bench);
  return bench;
}

const text = `id,name\n${Array.from({ length: 5_000 }, (_unused, id) => `${id},name ${id}`).join('\n')}\n`;

/** Serves ranges as the standard says; `cut`: bytes after which a connection breaks. */
const serving = (content: Buffer, { etag = '"v1"', cut = Number.POSITIVE_INFINITY } = {}) => (request: IncomingMessage, response: ServerResponse): void => {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const honoured = asked && (request.headers['if-range'] ?? etag) === etag;
  const from = honoured ? Number(asked[1]) : 0;
  const to = honoured && asked[2] ? Number(asked[2]) + 1 : content.length;
  response.writeHead(honoured ? 206 : 200, { etag, 'content-length': to - from, ...(honoured && { 'content-range': `bytes ${from}-${to - 1}/${content.length}` }) });
  if (request.method === 'HEAD') return void response.end();
  response.write(content.subarray(from, Math.min(to, from + cut)), () => (from + cut < to ? response.destroy() : response.end()));
};

test('a file is read in its format, and an address that is not there is named', async () => {
  answer = (request, response) => (request.url === '/files/my%20day.csv.gz' ? serving(gzipSync(text))(request, response) : response.writeHead(404).end());
  const bench = await over();
  const found = await bench.read('my day.csv.gz');
  expect(found.count).toBe(5_000);
  expect(found.rows[4_999]).toEqual({ id: '4999', name: 'name 4999' });
  await expect(bench.read('none.csv')).rejects.toThrow('put it there');
  await expect(bench.read('*.csv')).rejects.toThrow('lists no files');
});

test.each([['of what it packs on the way', 'a.csv', Buffer.from(text)], ['of a file that is packed', 'a.csv.gz', gzipSync(text)]])('a server that speaks of an encoding %s is refused: by its sizes the file would be cut', async (_what, name, content) => {
  const sent = name.endsWith('.gz') ? content : gzipSync(content);
  answer = (request, response) => { response.writeHead(200, { etag: '"v1"', 'content-length': sent.length, 'content-encoding': 'gzip' }).end(request.method === 'HEAD' ? undefined : sent); };
  await expect((await over()).read(name)).rejects.toThrow('the server says "content-encoding: gzip"');
});

test('a broken download goes on where it was, with bytes of the same version', async () => {
  answer = serving(Buffer.from(text), { cut: 20_000 });
  const bench = await over();
  expect((await bench.read('a.csv')).count).toBe(5_000);
  expect(requests.filter(({ headers }) => headers.range && headers['if-range'] === '"v1"').length).toBeGreaterThanOrEqual(3);
});

test('a file that changes while it is read is refused', async () => {
  let asked = 0;
  answer = (request, response) => { asked += 1; serving(Buffer.from(text), { etag: asked > 5 ? '"v2"' : '"v1"', cut: 10_000 })(request, response); };
  await expect((await over()).read('a.csv')).rejects.toThrow('has changed');
});

test('a server that sends no more is given up, to be tried again', async () => {
  answer = (request, response) => (request.method === 'HEAD' ? serving(Buffer.from(text))(request, response) : response.writeHead(206, { etag: '"v1"', 'content-range': `bytes 0-9/${text.length}`, 'content-length': '0' }).end());
  await expect((await over()).read('a.csv')).rejects.toMatchObject({ disposition: 'retry' });
});

test.each([
  ['basic', { user: 'ann', password: 'pass word' }, `Basic ${Buffer.from('ann:pass word').toString('base64')}`],
  ['bearer', { token: 'abc.def' }, 'Bearer abc.def'],
])('%s authentication', async (_kind, config, expected) => {
  answer = (request, response) => (request.headers.authorization === expected ? serving(Buffer.from(text))(request, response) : response.writeHead(401).end());
  expect((await (await over(config)).read('a.csv')).count).toBe(5_000);
  await expect((await over()).read('a.csv')).rejects.toThrow('correct user, password or token');
});

test('a server that sends on to another is followed, without the credentials', async () => {
  const elsewhere = createServer((request, response) => { requests.push(request); serving(Buffer.from(text))(request, response); });
  await new Promise<void>((resolve) => { elsewhere.listen(0, '127.0.0.1', resolve); });
  answer = (_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/a.csv` }).end();
  expect((await (await over({ token: 'abc.def', headers: { 'x-key': 'secret' } })).read('a.csv')).count).toBe(5_000);
  const [own, others] = [requests.filter(({ url: asked }) => asked!.startsWith('/files/')), requests.filter(({ url: asked }) => asked === '/a.csv')];
  expect(own.every(({ headers }) => headers.authorization === 'Bearer abc.def' && headers['x-key'] === 'secret')).toBe(true);
  expect([others.length > 0, others.some(({ headers }) => 'authorization' in headers || 'x-key' in headers)]).toEqual([true, false]);
  elsewhere.closeAllConnections();
  elsewhere.close();
  answer = (request, response) => response.writeHead(302, { location: request.url! }).end();
  await expect((await over()).read('a.csv')).rejects.toThrow('without end');
});

test('a secret with a line break is not shown', async () => {
  const error = await (await over({ token: 'do-not-show-me\nmore' })).read('a.csv').then(() => '', (reason: unknown) => (reason as Error).message);
  expect(error).toContain('a line break in a secret?');
  expect(error).not.toContain('do-not-show-me');
});
