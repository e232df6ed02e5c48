import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { openRestServer, sendJson, type RestServer } from '../support/rest-server';
import { install, nextDate, summaryOf, type Installation } from '../support/worker';

const mark = randomBytes(4).toString('hex');
let database: TestDatabase;
let server: RestServer;
let place: Installation;
let restore: () => void;

beforeAll(async () => {
  database = await createDatabase();
  server = await openRestServer();
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, customer text)');
  await database.run("INSERT INTO orders SELECT n, 'c/' || n % 5 FROM generate_series(1, 40) n");
  await database.run("INSERT INTO orders VALUES (41, NULL), (42, ''), (43, '..')");
  await database.run('ANALYZE orders');
  place = await install(`${connections(database, database)}api: { connector: rest, url: "${server.url}/v1", auth: { type: header, name: x-key, value: "very secret" }, timeout: 1 }\nslowly: { connector: rest, url: "${server.url}/v1", rate_limit: { requests: 5 } }\n`);
  restore = useInstallation(place);
});
afterAll(async () => {
  restore();
  await place.close();
  server.close();
  await database.drop();
});

const yaml = (name: string, words: string, more = '', connection = 'api'): string => `pipeline: ${name}_${mark}\nsource: shop\ndestination: db\non_failure: fail\nlimits: { concurrency: 1 }\nstreams:\n` +
  `  - stream: orders\n    to: ${name}\n    mode: full\n    write: replace\n    partition: { rows: 10 }\n    steps:\n      - http_lookup: { connection: ${connection}, path: "/customers/{customer}", params: { of: "{id}" }, columns: { name: data.name, score: { member: data.score, type: "DECIMAL(30,2)" } }, ${words} }\n${more}`;
/** Every customer once; the number of rows has nothing to do with it. */
const byCustomer = (name: string, words: string, connection?: string): string => yaml(name, words, '', connection).replace('params: { of: "{id}" }, ', '');
const known = (url: URL): string | null => /^\/v1\/customers\/c%2F(\d)$/.exec(url.pathname)?.[1] ?? null;
const give = (id: string) => ({ data: { name: `customer ${id}`, score: id === '1' ? 0 : 7 } });

test('asks once for each value across batches and after a crash, under authentication, and keeps every digit', async () => {
  const keys: (string | undefined)[] = [];
  server.asked.length = 0;
  server.answer = (url, request, response) => {
    keys.push(request.headers['x-key'] as string | undefined);
    response.writeHead(200).end(`{"data": {"name": "customer ${known(url)}", "score": 12345678901234567890123.45}}`);
  };
  const worker = await place.startWorker('transform:after-data#2');
  const handle = await place.start(byCustomer('kept', 'on_miss: default, default: { name: nobody }'), nextDate());
  await once(worker, 'exit');
  await place.startWorker();
  const summary = await summaryOf(handle);
  expect(summary.streams[0]).toMatchObject({ state: 'succeeded', totals: { read: 43, loaded: 43 } });
  expect([...server.asked].sort()).toEqual([0, 1, 2, 3, 4].map((id) => `/v1/customers/c%2F${id}`));
  expect(new Set(keys)).toEqual(new Set(['very secret']));
  expect(await database.rows('SELECT name, score::text, count(*)::text AS n FROM kept GROUP BY 1, 2 ORDER BY 1')).toEqual([
    ...[0, 1, 2, 3, 4].map((id) => ({ name: `customer ${id}`, score: '12345678901234567890123.45', n: '8' })), { name: 'nobody', score: null, n: '3' },
  ]);
  const history = JSON.stringify(await handle.fetchHistory());
  expect(history).not.toContain('very secret');
});

describe('with a worker', () => {
  test('what is wrong with one row sets that row aside; what is wrong with the server is waited for', async () => {
    let busy = 2;
    let slow = 1;
    server.asked.length = 0;
    server.answer = (url, _request, response) => {
      switch (known(url)) {
        case '0': return busy-- > 0 ? void response.writeHead(429, { 'retry-after': '1' }).end() : sendJson(response, give('0'));
        case '1': return void response.writeHead(404).end();
        case '2': return void response.writeHead(200).end('{"data": {"name": ');
        case '3': return void response.writeHead(422).end('{"error": "customer 3 is bad"}');
        // The first time it says nothing for longer than the connection waits.
        default: return slow-- > 0 ? undefined : sendJson(response, { data: { name: 'customer 4', score: 'many' } });
      }
    };
    const handle = await place.start(byCustomer('wrong', 'on_miss: error'), nextDate());
    const summary = await summaryOf(handle);
    expect(summary.streams[0]).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 43, loaded: 8, rejected: 35 } });
    const quarantine = events(await millrace('quarantine', 'show', handle.workflowId, '--json', '--limit', '100'));
    const reasons = JSON.stringify(quarantine);
    for (const reason of ['the answer is no JSON', 'the server answered 422', 'is not known there', 'has a \\"score\\" that is not a DECIMAL(30,2)']) expect(reasons.replaceAll('\\\\', '\\')).toContain(reason);
    const history = JSON.stringify(await handle.fetchHistory());
    for (const word of ['very secret', 'c%2F', 'is bad']) expect(history).not.toContain(word);
  });

  test('on_error: null goes on with NULL, refused credentials stop the run and name no value', async () => {
    server.answer = (url, _request, response) => (known(url) === '2' ? void response.writeHead(400).end() : sendJson(response, give(known(url)!)));
    expect((await place.run(byCustomer('nulls', 'on_error: null'))).streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 43 } });
    expect(await database.row('SELECT count(name)::text AS named FROM nulls')).toEqual({ named: '32' });

    server.answer = (_url, _request, response) => response.writeHead(401).end();
    const { error } = (await place.run(byCustomer('refused', 'on_miss: error'))).streams[0]!;
    expect(error).toMatchObject({ area: 'source', message: expect.stringContaining('the server answered 401; correct "auth"') as string });
    expect(error!.message).toContain('/v1/customers/{customer}');
    expect(error!.message).not.toMatch(/c%2F|very secret/);
  });

  test('an answer with an age is kept for the next run, and goes when it is too old', async () => {
    server.asked.length = 0;
    server.answer = (url, _request, response) => sendJson(response, give(known(url)!));
    for (let run = 0; run < 2; run += 1) expect((await place.run(byCustomer('aged', 'cache: 1 hour'))).state).toBe('succeeded');
    expect(server.asked).toHaveLength(5);
  });

  test('keeps to the rate limit of the connection', async () => {
    const times: number[] = [];
    server.answer = (url, _request, response) => { times.push(Date.now()); sendJson(response, give(known(url)!)); };
    expect((await place.run(byCustomer('governed', 'concurrency: 8', 'slowly'))).state).toBe('succeeded');
    expect(times).toHaveLength(5);
    // Five a second and one more at most, however many ask at once: the fifth comes at least three fifths of a second after the first.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(600);
  });

  test('a preview asks for some, a test asks nobody', async () => {
    server.asked.length = 0;
    server.answer = (_url, _request, response) => sendJson(response, give('1'));
    const file = path.join(place.home, 'shown.yaml');
    writeFileSync(file, `${yaml('shown', 'on_miss: error')}tests:\n  - name: adds what the API says\n    given: [{ id: 1, customer: seven }, { id: 2, customer: eight }]\n    types: { customer: VARCHAR }\n    references: { api: [{ address: "/customers/seven?of=1", answer: { data: { name: Seven, score: 0.10 } } }] }\n    expected: [{ id: 1, name: Seven, score: 0.10 }]\n    rejected: [{ step: http_lookup, reason: is not known there }]\n`);
    const shown = await millrace('preview', file);
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('customer 1') as string });
    expect(server.asked).toHaveLength(20);
    expect(await millrace('test', file)).toMatchObject({ code: 0 });
    expect(server.asked).toHaveLength(20);
  });
});

test('needs a connection that answers', async () => {
  const file = path.join(place.home, 'wrong.yaml');
  writeFileSync(file, yaml('wrong_connection', 'on_miss: error', '', 'duck'));
  expect(await millrace('plan', file)).toMatchObject({ code: 4, err: expect.stringContaining('http_lookup needs one of connector rest') as string });
});
