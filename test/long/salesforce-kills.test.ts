import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { filesBelow } from '../support/files';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { openRestServer, records, sendJson, type RestServer } from '../support/rest-server';
import { startSalesforce, type SalesforceSimulator } from '../support/salesforce';
import { eventually } from '../support/temporal';
import { install, killNow, type Installation } from '../support/worker';

/** Whole runs over hours and days that servers want to be left alone: a clock that goes twelve hundred times faster, for the waits that they ask for. */
const faster = 1200;
const patches = [{ file: 'activities/failures.js', find: 'nextRetryDelay: error.retryAfter', put: `nextRetryDelay: Math.ceil(error.retryAfter / ${faster})` }];
let database: TestDatabase;
let here: Installation;
let worker: ChildProcess;
let api: RestServer;
const orgs: SalesforceSimulator[] = [];

beforeAll(async () => {
  database = await createDatabase();
  api = await openRestServer();
  here = await install(`target: { connector: postgres, url: "${database.url}" }\n`, { patches });
  connect(`api: { connector: rest, url: "${api.url}", rate_limit: { requests: 40, per: 1 }, streams: { r: { path: r, columns: { id: BIGINT, name: VARCHAR }, pagination: { type: page } } } }`);
  worker = await here.startWorker();
});
afterAll(async () => {
  await here.close();
  for (const org of orgs) await org.close();
  api.close();
  await database.drop();
});

const connect = (line: string): void => writeFileSync(here.connectionsFile, `${readFileSync(here.connectionsFile, 'utf8')}${line}\n`);
async function org(name: string, options: object, more = ''): Promise<SalesforceSimulator> {
  const started = await startSalesforce(options);
  orgs.push(started);
  connect(`${name}: { connector: salesforce, url: "${started.url}", auth: { type: client_credentials, client_id: app, client_secret: secret }${more} }`);
  return started;
}
const pipeline = (name: string, source: string, stream: string, more = 'mode: full'): string => `pipeline: ${name}\nsource: ${source}\ndestination: target\nstreams: [{ stream: ${stream}, to: ${name}, naming: snake_case, ${more} }]\n`;

test('a worker that is killed while a job is read goes on at the next result page', async () => {
  const crm = await org('killed', { deals: 2_000, delay: 5 }, ', api: bulk, bulk_page: 50');
  const ended = here.run(pipeline('killed', 'killed', 'Deal__c'));
  for (const after of [1, 25]) {
    await eventually(async () => crm.askedFor(/results/).length >= after, `page ${after}`);
    here.prepareWorker();
    await killNow(worker);
    worker = await here.startWorker();
  }
  expect((await ended).state).toBe('succeeded');
  // Of 2000 every fiftieth is deleted.
  expect(await database.row('SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids, sum(seats_c)::text AS seats, count(amount)::text AS amounts FROM killed')).toEqual({ n: '1960', ids: '1960', seats: String(1_999_000 - 40_960), amounts: '1760' });
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(1);
  const pages = crm.askedFor(/results/);
  expect(new Set(pages).size).toBe(40);
  expect(pages.length).toBeLessThanOrEqual(42);
  expect(crm.askedFor(/^DELETE/)).toHaveLength(1);
}, 120_000);

test('a run whose org has spent its day waits with a timer, asks little meanwhile, and finishes', async () => {
  const crm = await org('spent', { limits: { max: 50, used: 40, asks: 3 }, deals: 400 }, ', api: rest');
  expect((await here.run(pipeline('spent', 'spent', 'Deal__c'))).state).toBe('succeeded');
  expect(await database.row('SELECT count(*)::text AS n FROM spent')).toEqual({ n: '392' });
  // Eight pages, each once; what is between is a look at the limit each time, and the third one finds a new day.
  expect(crm.askedFor(/query/)).toHaveLength(8);
  expect(crm.askedFor(/limits/)).toHaveLength(3);
}, 120_000);

test('an API that answers 429 for an hour is waited for, and two runs together stay within one budget', async () => {
  const [pages, size, hour] = [20, 10, 3_600_000 / faster];
  let [asked, refused, since] = [0, 0, 0];
  api.answer = (url, _request, response) => {
    const page = Number(url.searchParams.get('page'));
    asked += 1;
    if (page === 5) since ||= Date.now();
    if (since > 0 && Date.now() < since + hour) {
      refused += 1;
      return void response.writeHead(429, { 'retry-after': '300' }).end();
    }
    sendJson(response, records((page - 1) * size, size, pages * size));
  };
  const summaries = await Promise.all([here.run(pipeline('hour_one', 'api', 'r')), here.run(pipeline('hour_two', 'api', 'r'))]);
  expect(summaries.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  for (const table of ['hour_one', 'hour_two']) expect(await database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids FROM ${table}`)).toEqual({ n: '200', ids: '200' });
  // Every page once for each run, and besides no more than was refused: twelve waits of five minutes, and one that began before the hour.
  expect(asked).toBe(2 * (pages + 1) + refused);
  expect(refused).toBeGreaterThanOrEqual(2);
  expect(refused).toBeLessThanOrEqual(2 * 13);
  // Each request took a slot of the one budget that both runs have.
  expect(filesBelow(here.home).filter((file) => file.includes('governor')).length).toBeGreaterThanOrEqual(asked);
}, 120_000);

test('a field that has gone between two runs is named, and what it held stays', async () => {
  const words = 'mode: incremental, cursor: SystemModstamp, key: [id], write: merge';
  await org('before', { deals: 100 });
  await org('after', { deals: 120, without: ['Deal__c.Seats__c'] });
  expect(await here.run(pipeline('changed', 'before', 'Deal__c', words), '2026-01-01T00:50:00Z')).toMatchObject({ state: 'succeeded', streams: [{ error: null }] });
  const summary = await here.run(pipeline('changed', 'after', 'Deal__c', words), '2026-01-02T00:00:00Z');
  expect(summary.state).toBe('succeeded');
  expect(summary.streams[0]!.notes.join()).toContain('"Seats__c" has gone since the run before');
  expect(await database.row('SELECT count(*)::text AS n, count(seats_c)::text AS seats FROM changed')).toEqual({ n: '110', seats: '90' });
}, 120_000);
