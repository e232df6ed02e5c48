import type { ChildProcess } from 'node:child_process';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { openRestServer, records, sendJson, type RestServer } from '../support/rest-server';
import { byClient, startSalesforce, type SalesforceSimulator } from '../support/salesforce';
import { eventually } from '../support/temporal';
import { install, killNow, type Installation } from '../support/worker';

/**
 * A million Salesforce records by a query job, as many by REST query in pages of 2000, and 500 pages of an API, each with a worker that is killed ten times at
 * random. `MILLRACE_LONG_RECORDS` for fewer than a million; `MILLRACE_LONG_SEED` for the same kills again.
 */
const total = Number(process.env['MILLRACE_LONG_RECORDS'] ?? 1_000_000);
const seed = Number(process.env['MILLRACE_LONG_SEED'] ?? Date.now() % 1_000_000);
const kills = 10;
let database: TestDatabase;
let crm: SalesforceSimulator;
let api: RestServer;
let here: Installation;
let worker: ChildProcess;
/** Attempts of an extraction that ended in a worker that lived. */
let ended = 0;
const startWorker = async (): Promise<ChildProcess> => {
  const started = await here.startWorker();
  started.stdout!.on('data', (chunk) => { ended += String(chunk).split('{"ended":"extractPartition"').length - 1; });
  return started;
};
beforeEach(() => { ended = 0; });

beforeAll(async () => {
  process.stdout.write(`${total} records, seed ${seed}\n`);
  database = await createDatabase();
  crm = await startSalesforce({ opportunities: total, pageSize: 2000 });
  api = await openRestServer();
  const org = { connector: 'salesforce', url: crm.url, auth: byClient };
  here = await install(JSON.stringify({
    target: { connector: 'postgres', url: database.url }, bulk: { ...org, bulk_page: Math.ceil(total / 100) }, rest: { ...org, api: 'rest' },
    api: { connector: 'rest', url: api.url, streams: { r: { path: 'r', columns: { id: 'BIGINT', name: 'VARCHAR' }, pagination: { type: 'page' } } } },
  // Long enough for a busy machine, on which an attempt that lives may be taken for dead.
  }), { variables: { MILLRACE_HEARTBEAT_TIMEOUT: '10s' } });
  worker = await startWorker();
});
afterAll(async () => {
  await here.close();
  await crm.close();
  api.close();
  await database.drop();
});

/** Numbers from 0 to 1 that a seed decides. */
function chance(start: number): () => number {
  let state = start + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Kills the worker at ten moments: after a page that chance takes, and some milliseconds later. */
async function killing(asked: () => number, pages: number): Promise<void> {
  const next = chance(seed);
  const after = Array.from({ length: kills }, () => 1 + Math.floor(next() * (pages - 2))).sort((left, right) => left - right);
  for (const page of after) {
    await eventually(async () => asked() >= page, `request ${page}`, 3_000);
    await new Promise((resolve) => setTimeout(resolve, next() * 300));
    here.prepareWorker();
    await killNow(worker);
    worker = await startWorker();
  }
}

/** Attempts that Temporal counted for the one extraction of a run's stream. */
async function attemptsOf(run: string, stream: string): Promise<number> {
  const { events } = await here.client.workflow.getHandle(`${run}/${stream}`).fetchHistory();
  const scheduled = new Set(events!.filter(({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === 'extractPartition').map(({ eventId }) => String(eventId)));
  return events!.reduce((sum, { activityTaskStartedEventAttributes: one }) => (one && scheduled.has(String(one.scheduledEventId)) ? sum + one.attempt! : sum), 0);
}

/**
 * Requests of pages: each once, and at most once more for each further attempt. Of those there is at most one per kill, and one for each that a busy machine took for
 * dead while it lived: such an attempt has ended in its worker as well, beside the one that read the last page.
 */
async function judge(run: string, stream: string, asked: readonly string[], pages: number): Promise<void> {
  const further = await attemptsOf(run, stream) - 1;
  process.stdout.write(`${pages} pages, ${asked.length} requests, ${further} further attempts, of which ${Math.max(0, ended - 1)} were not ended by a kill\n`);
  expect(new Set(asked).size).toBe(pages);
  expect(asked.length).toBeLessThanOrEqual(pages + further);
  expect(further).toBeLessThanOrEqual(kills + Math.max(0, ended - 1));
}

const pipeline = (name: string, source: string, stream: string): string => `pipeline: ${name}\nsource: ${source}\ndestination: target\nstreams: [{ stream: ${stream}, to: ${name}, mode: full, naming: snake_case }]\n`;

/** Of 50 records the last one is deleted; amounts are the record's number times 100.25, and none for every tenth. */
async function exactDeals(table: string): Promise<void> {
  const kept = Array.from({ length: total }, (_unused, index) => index).filter((index) => index % 50 !== 49);
  const cents = kept.filter((index) => index % 10 !== 0).reduce((sum, index) => sum + BigInt(index) * 10_025n, 0n);
  expect(await database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids, (sum(amount) * 100)::bigint::text AS cents FROM ${table}`)).toEqual({ n: String(kept.length), ids: String(kept.length), cents: String(cents) });
}

test.each([['bulk', 100], ['rest', Math.ceil((total * 0.98) / 2000)]])('Salesforce by %s: rows are exact, and each page is asked for at most once more per kill', async (way, about) => {
  const pagesOf = (): readonly string[] => (way === 'bulk' ? crm.askedFor(/results/) : crm.askedFor(/^GET \/query(\?q=SELECT\+Id|\?q=SELECT%20Id|\/)/));
  const [summary] = await Promise.all([here.run(pipeline(`deals_${way}`, way, 'Opportunity')), killing(() => pagesOf().length, about)]);
  expect(summary.state).toBe('succeeded');
  await exactDeals(`deals_${way}`);
  await judge(summary.run.workflowId, 'opportunity', pagesOf(), new Set(pagesOf()).size);
  expect(new Set(pagesOf()).size).toBeGreaterThanOrEqual(Math.floor(about * 0.98));
  if (way === 'bulk') expect([crm.askedFor(/^POST \/jobs/).length, crm.askedFor(/^DELETE/).length]).toEqual([1, 1]);
});

test('an API of 500 pages: rows are exact, and each page is asked for at most once more per kill', async () => {
  const [pages, size] = [500, 100];
  api.answer = (url, _request, response) => sendJson(response, records((Number(url.searchParams.get('page')) - 1) * size, size, pages * size));
  const [summary] = await Promise.all([here.run(pipeline('pages', 'api', 'r')), killing(() => api.asked.length, pages)]);
  expect(summary.state).toBe('succeeded');
  expect(await database.row('SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids, sum(id)::text AS sum FROM pages')).toEqual({ n: String(pages * size), ids: String(pages * size), sum: String((pages * size * (pages * size - 1)) / 2) });
  await judge(summary.run.workflowId, 'r', api.asked, pages + 1);
});
