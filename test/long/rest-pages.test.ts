import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';
import { s3Server } from '../support/s3';
import { openRestServer, records, sendJson, type Answering, type RestServer } from '../support/rest-server';
import { install, killNow, type Installation } from '../support/worker';

/** Whole runs from an API into Postgres: workers that are killed, servers that want to be left alone, runs that share a budget. */
let server: RestServer;
let database: TestDatabase;
let here: Installation;
let worker: ChildProcess;
let warehouse: SimulatedWarehouse;
const simulators: ChildProcess[] = [];
const root = path.resolve(__dirname, '../..');
beforeAll(async () => {
  server = await openRestServer();
  database = await createDatabase();
  warehouse = await startWarehouse();
  const s3 = s3Server();
  const inRedshift = {
    MILLRACE_DEMO_REDSHIFT: warehouse.url, MILLRACE_DEMO_REDSHIFT_KEY: 'simulator', MILLRACE_DEMO_REDSHIFT_SECRET: 'simulator-secret',
    MILLRACE_DEMO_S3: s3.endpoint, MILLRACE_DEMO_S3_KEY: s3.accessKeyId, MILLRACE_DEMO_S3_SECRET: s3.secretAccessKey, MILLRACE_DEMO_S3_BUCKET: warehouse.bucket,
  };
  const variables = { ...inRedshift, MILLRACE_DEMO_POSTGRES: database.url, MILLRACE_DEMO_ISSUES: await simulator('rest-issues'), MILLRACE_DEMO_SALESFORCE: await simulator('salesforce'), MILLRACE_DEMO_SALESFORCE_SECRET: 'secret', MILLRACE_DEMO_ISSUES_TOKEN: 'demo-token' };
  here = await install(`${readFileSync(path.join(root, 'pipelines/connections.yaml'), 'utf8')}${api('api')}${api('limited', '  rate_limit: { requests: 20, per: 1 }\n')}target: { connector: postgres, url: "${database.url}" }\n`, { variables });
  worker = await here.startWorker();
});
beforeEach(() => { server.asked.length = 0; });
afterAll(async () => {
  await here.close();
  for (const one of simulators) one.kill();
  server.close();
  await warehouse.close();
  await database.drop();
});

async function simulator(name: string): Promise<string> {
  const child = spawn(process.execPath, [path.join(root, 'simulators', name, 'server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
  simulators.push(child);
  const [said] = await once(child.stdout, 'data') as [Buffer];
  return (JSON.parse(String(said)) as { url: string }).url;
}

const [pages, size] = [30, 20];
const pageOf = (url: URL): number => Number(url.searchParams.get('page'));
const page: Answering = (url, _request, response) => sendJson(response, records((pageOf(url) - 1) * size, size, pages * size));

const api = (name: string, more = ''): string => `${name}:\n  connector: rest\n  url: ${server.url}\n${more}  streams:\n    r: { path: r, columns: { id: BIGINT, name: VARCHAR }, pagination: { type: page } }\n`;
const pipeline = (name: string, source = 'api'): string => `pipeline: ${name}\nsource: ${source}\ndestination: target\nstreams: [{ stream: r, to: ${name}, mode: full }]\n`;
const exact = async (table: string) => expect(await database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids, sum(id)::text AS sum FROM ${table}`))
  .toEqual({ n: String(pages * size), ids: String(pages * size), sum: String((pages * size * (pages * size - 1)) / 2) });

test('a worker that is killed goes on at the next page; each page is asked for at most once more per kill', async () => {
  const killings = new Set([1, 7, 30]);
  const kills: Promise<void>[] = [];
  server.answer = (url, request, response) => {
    if (!killings.delete(pageOf(url))) return page(url, request, response);
    here.prepareWorker();
    kills.push(killNow(worker).then(async () => { worker = await here.startWorker(); }));
  };
  const summary = await here.run(pipeline('killed'));
  await Promise.all(kills);
  expect(summary.state).toBe('succeeded');
  await exact('killed');
  expect(kills).toHaveLength(3);
  // The empty page is the last one.
  expect(server.asked).toHaveLength(pages + 1 + 3);
  const counts = Array.from({ length: pages + 1 }, (_unused, index) => server.asked.filter((asked) => asked === `/r?page=${index + 1}`).length);
  expect(counts.map((count, index) => [index + 1, count]).filter(([, count]) => count! > 1)).toEqual([[1, 2], [7, 2], [30, 2]]);
}, 120_000);

test('a server that answers 429 is left alone until it says, however often, and the run finishes', async () => {
  let refusals = 0;
  server.answer = (url, request, response) => {
    if (pageOf(url) === 3 && refusals < 2) {
      refusals += 1;
      return void response.writeHead(429, { 'retry-after': '4' }).end();
    }
    return page(url, request, response);
  };
  expect((await here.run(pipeline('waited'))).state).toBe('succeeded');
  await exact('waited');
  // Nothing but the refused page was asked for again.
  expect(server.asked).toHaveLength(pages + 1 + 2);
}, 120_000);

test('two runs together stay within the budget of their connection', async () => {
  const times: number[] = [];
  server.answer = (url, request, response) => { times.push(Date.now()); page(url, request, response); };
  const summaries = await Promise.all([here.run(pipeline('first', 'limited')), here.run(pipeline('second', 'limited'))]);
  expect(summaries.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  await exact('first');
  await exact('second');
  expect(times).toHaveLength(2 * (pages + 1));
  // Sixty-two slots of 50 ms are three seconds; two budgets would take half of that.
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(2_400);
}, 120_000);

test('the example reads issues and their comments, and then only what changed', async () => {
  const yaml = readFileSync(path.join(root, 'pipelines/issues-api.yaml'), 'utf8');
  expect((await here.run(yaml)).state).toBe('succeeded');
  const counts = () => database.row('SELECT (SELECT count(*)::text FROM issues) AS issues, (SELECT count(DISTINCT user_login)::text FROM issues) AS people, (SELECT count(*)::text FROM issue_comments) AS comments, (SELECT count(*)::text FROM issue_comments c JOIN issues i ON i.number = c.issue WHERE c.id / 100 = i.number) AS joined');
  // Issue n has n modulo 4 comments: 120 issues, 30 of each kind.
  const all = { issues: '120', people: '5', comments: '180', joined: '180' };
  expect(await counts()).toEqual(all);
  const again = await here.run(yaml);
  expect(again.state).toBe('succeeded');
  expect(await counts()).toEqual(all);
}, 120_000);

test.each([['Postgres', 'crm-sales', 'crm_sales'], ['Redshift', 'crm-sales-to-redshift', 'crm.sales']])('the example sums won deals of a CRM by region and month into %s', async (_where, pipelineFile, table) => {
  expect((await here.run(readFileSync(path.join(root, `pipelines/${pipelineFile}.yaml`), 'utf8'))).state).toBe('succeeded');
  const row = await (table === 'crm.sales' ? warehouse.database : database).row(`SELECT sum(deals)::text AS deals, sum(amount)::text AS amount, count(DISTINCT region)::text AS regions, count(DISTINCT month)::text AS months FROM ${table}`);
  // Even deals are won and none of them is deleted; those that end in 0 have no amount.
  const won = Array.from({ length: 115 }, (_unused, index) => index * 2);
  const cents = won.filter((index) => index % 10 !== 0).reduce((sum, index) => sum + index * 10_025, 0);
  expect(row).toEqual({ deals: '115', amount: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`, regions: '3', months: '9' });
}, 120_000);
