import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { LandedPage, Pages } from '../../src/connectors/connector';
import { salesforce } from '../../src/connectors/salesforce';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { LandingFile } from '../../src/domain/manifest';
import type { Plan } from '../../src/domain/plan';
import { checksumOf } from '../../src/stores/checksum';
import { landingIn, openBench, quietControl, type Bench } from '../support/files';
import { byClient, startSalesforce, type SalesforceSimulator } from '../support/salesforce';

let bench: Bench;
const orgs: SalesforceSimulator[] = [];
beforeAll(async () => { bench = await openBench(); });
afterAll(async () => {
  await bench.close();
  for (const org of orgs) await org.close();
});

async function org(options: object = {}): Promise<SalesforceSimulator> {
  const started = await startSalesforce({ polls: 0, resultPage: 20, ...options });
  orgs.push(started);
  return started;
}

const now = '2026-11-24T00:00:00Z';
let places = 0;

/** One reading as an activity is called again and again for it: with the pages of the attempts before. */
async function reading(of: SalesforceSimulator, options: object = {}, stream = 'Deal__c', words = 'mode: full') {
  const kept = new Map<number, LandedPage>();
  const pages: Pages = { find: async (number) => kept.get(number) ?? null, record: async (number, page) => { if (!kept.has(number)) kept.set(number, page); return kept.get(number)!; } };
  const folder = path.join(bench.home, `landing-${places += 1}`);
  mkdirSync(folder);
  const plain = landingIn(folder);
  const landing = { ...plain, pages, seal: async (key: string, facts: Parameters<typeof plain.seal>[1]) => ({ ...await plain.seal(key, facts), checksum: await checksumOf(path.join(folder, key)) }) };
  const spec = parsePipeline(`pipeline: p\nsource: in\ndestination: out\nstreams: [{ stream: ${stream}, to: t, ${words} }]\n`, 'test.yaml').streams[0]!;
  const open = () => salesforce.openSource!({ url: of.url, auth: byClient, api: 'bulk', bulk_page: 100, ...options }, { engine: bench.engine, baseFolder: bench.home, connection: 'crm' });
  const plan = await (await open()).plan({ stream: spec, position: null, files: [], logicalDate: now }, quietControl()) as Plan;
  const attempt = async (signal?: AbortSignal): Promise<readonly LandingFile[]> => await (await open()).read({ stream: spec, plan, partition: plan.partitions[0]! }, landing, quietControl(signal));
  return { plan, kept, folder, attempt };
}

/** Looks at all jobs once, as somebody on Salesforce's own page does, so that they are done. */
async function jobsDone({ url }: SalesforceSimulator): Promise<void> {
  const login = await fetch(`${url}/services/oauth2/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'app', client_secret: 'secret' }) });
  const headers = { authorization: `Bearer ${((await login.json()) as { access_token: string }).access_token}` };
  const ask = async (where: string) => await (await fetch(`${url}/services/data/v67.0/${where}`, { headers })).json() as { records: { id: string }[] };
  for (const { id } of (await ask('jobs/query')).records) await ask(`jobs/query/${id}`);
}

async function over(options: object = {}, of: object = {}): Promise<Bench> {
  const opened = await openBench(salesforce, { url: (await org(of)).url, auth: byClient, api: 'bulk', bulk_page: 100, ...options });
  return opened;
}

test.each([['pages one by one', {}], ['pages side by side', { bulk_parallel: 3 }]])('every value of a result has its type, with %s', async (_kind, options) => {
  const own = await over(options, { gzip: true });
  const { plan, rows, rejects, landed } = await own.read('Deal__c');
  await own.close();
  expect(rejects).toEqual([]);
  expect(rows).toHaveLength(226);
  expect(landed.map((file) => file.rows)).toEqual('bulk_parallel' in options ? [...Array<number>(11).fill(20), 6] : [100, 100, 26]);
  expect(Object.fromEntries(plan.columns.map(({ name, type }) => [name, type]))).toMatchObject({ Amount: 'DECIMAL(18,2)', Probability: 'DECIMAL(3,0)', Seats__c: 'BIGINT', Share__c: 'DECIMAL(18,6)', Call__c: 'VARCHAR', CloseDate: 'DATE' });
  const byName = new Map(rows.map((row) => [row['Name'], row]));
  expect(byName.get('Deal 3')).toEqual({
    Id: '006000000000000003', Name: 'Deal 3', AccountId: '001000000000000001', Amount: '300.75', StageName: 'Prospecting', CloseDate: '2026-04-15', IsDeleted: 'false', SystemModstamp: '2026-01-01 00:03:00+00',
    Probability: '3', ExpectedRevenue: '151.50', Seats__c: '3', Notes__c: 'line\nbreak\r\nand tab\t.', Call__c: '10:30:00.000Z', Share__c: '3000000.250000',
  });
  // A null comes as "", a large number with an exponent.
  expect([byName.get('Deal 10')!['Amount'], byName.get('Deal 1')!['Notes__c'], byName.get('Deal 200')!['Share__c']]).toEqual([null, null, '200000000.250000']);
  expect([2, 4, 5, 6].map((index) => byName.get(`Deal ${index}`)!['Notes__c'])).toEqual(['a "quoted", one', 'é 😀', '\\N', ' spaced ']);
});

test('an incremental job takes deleted records, too, in its window', async () => {
  const own = await over();
  const words = 'key: [Id], cursor: SystemModstamp';
  const all = await own.read('Deal__c', words);
  expect([all.rows.length, all.rows.filter((row) => row['IsDeleted'] === 'true').length]).toEqual([230, 4]);
  expect(all.plan.notes.join()).toContain('formula fields alone are not seen by an incremental reading: "ExpectedRevenue"');
  const since = await own.read('Deal__c', words, { position: { cursor: '2026-01-01T00:58:01Z' } });
  expect(since.rows.map((row) => row['Name']).sort()).toEqual(['Deal 118', 'Deal 119', 'Deal 178', 'Deal 179', 'Deal 58', 'Deal 59']);
  await own.close();
});

test('an attempt that breaks off goes on at the next page, and its job goes when all is read', async () => {
  const crm = await org({ faults: [{ on: 'GET /results', at: 2, does: 'cut' }, { on: 'GET /results', at: 4, does: 503 }, { on: 'GET /results', at: 5, does: 'html' }, { on: 'GET /results', at: 6, does: 'short' }] });
  const { attempt, kept } = await reading(crm, { bulk_page: 50 });
  for (let failed = 0; failed < 4; failed += 1) await expect(attempt()).rejects.toMatchObject({ disposition: 'retry' });
  const files = await attempt();
  expect(files.map(({ rows }) => rows)).toEqual([50, 50, 50, 50, 26]);
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(1);
  // Five pages, and four of them that failed once.
  expect(crm.askedFor(/results/)).toHaveLength(9);
  expect(crm.askedFor(/^DELETE/)).toHaveLength(1);
  const before = crm.asked().length;
  expect(await attempt()).toEqual(files);
  // All is recorded: nothing but the clean-up is asked again, though the job is gone.
  expect(crm.asked().slice(before).filter((line) => !/token|DELETE/.test(line))).toEqual([]);
  expect([...kept.values()].map(({ state }) => state['kind'])).toEqual(['intent', 'job', 'complete', ...Array<string>(5).fill('page')]);
});

test('pages side by side: what another page cost an attempt is not asked for again', async () => {
  const crm = await org({ faults: [{ on: 'GET /results', at: 2, does: 'lose' }, { on: 'GET /results', at: 9, does: 'lose' }, { on: 'GET /resultPages', at: 3, does: 'lose' }] });
  const { attempt } = await reading(crm, { bulk_parallel: 5 });
  for (let failed = 0; failed < 3; failed += 1) await expect(attempt()).rejects.toMatchObject({ disposition: 'retry' });
  expect((await attempt()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  expect(crm.askedFor(/results/)).toHaveLength(12 + 2);
  expect(crm.askedFor(/resultPages/)).toHaveLength(3 + 1);
});

test('a job whose making was never answered is found again, among those of others', async () => {
  const crm = await org({ faults: [{ on: 'POST /jobs/query', at: 1, does: 'lose' }, { on: 'POST /jobs/query', at: 2, does: 'lose' }] });
  // Another run's, of the same object at the same time.
  const other = await reading(crm);
  const { attempt } = await reading(crm);
  await expect(attempt()).rejects.toMatchObject({ disposition: 'retry' });
  // The other one's answer is lost as well: it looks at both jobs, and both are found by whom they belong to.
  await expect(other.attempt()).rejects.toMatchObject({ disposition: 'retry' });
  await jobsDone(crm);
  for (const one of [attempt, other.attempt]) expect((await one()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(2);
  expect(crm.askedFor(/^GET \/jobs\/query\?jobType=V2Query/)).toHaveLength(2);
});

test('a job that is not certainly the lost one is left alone', async () => {
  const crm = await org({ faults: [{ on: 'POST /jobs/query', at: 1, does: 503 }] });
  const { attempt } = await reading(crm);
  await expect(attempt()).rejects.toMatchObject({ disposition: 'retry' });
  // Never made. What others make meanwhile has its fields in another order.
  const other = await reading(crm, { bulk_page: 30 });
  await other.attempt().catch(() => undefined);
  expect((await attempt()).map(({ rows }) => rows)).toEqual([100, 100, 26]);
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(3);
});

test('two attempts at once make no more than one job that is read', async () => {
  const crm = await org();
  const { attempt } = await reading(crm);
  // One of them may be told to come again, since a job that might be its own is not done.
  await Promise.allSettled([attempt(), attempt()]);
  const left = await attempt();
  expect(left).toEqual(await attempt());
  expect(left.reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  // The other one's job is deleted at once.
  const made = crm.askedFor(/^POST \/jobs/).length;
  expect(new Set(crm.askedFor(/^DELETE/)).size).toBe(made);
});

test('a job that takes long is waited for with timers of the run', async () => {
  const crm = await org({ polls: 10_000, faults: [{ on: 'GET /jobs/query/\\w+', at: 1, does: 503 }] });
  const { attempt, kept } = await reading(crm);
  await expect(attempt()).rejects.toMatchObject({ name: 'SourceUnavailableError' });
  // As if an hour had passed.
  const made = kept.get(2)!;
  kept.set(2, { ...made, state: { ...made.state, at: Number(made.state['at']) - 3_600_000 } });
  await expect(attempt()).rejects.toMatchObject({ name: 'SourceThrottledError', retryAfter: 60_000, message: expect.stringMatching(/is (InProgress|UploadComplete); the run goes on by itself/) as string });
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(1);
  expect(crm.askedFor(/^GET \/jobs\/query\/\w+$/)).toHaveLength(2);
});

test.each([['Failed', 'is failed; Setup → Bulk Data Load Jobs'], ['Aborted', 'is aborted; find out who']])('a job that Salesforce ends as %s is named, and a resumed run makes another', async (end, message) => {
  const crm = await org({ ends: [end] });
  const { attempt } = await reading(crm);
  await expect(attempt()).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining(message) as string });
  expect((await attempt()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  expect(crm.askedFor(/^POST \/jobs/)).toHaveLength(2);
});

test('a job that is deleted before its first page is made again, one that is deleted between pages is not mixed with another', async () => {
  const first = await reading(await org({ faults: [{ on: 'GET /results', at: 1, does: 'NOT_FOUND' }] }));
  await expect(first.attempt()).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('is deleted') as string });
  expect((await first.attempt()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  const later = await reading(await org({ faults: [{ on: 'GET /results', at: 2, does: 'NOT_FOUND' }] }));
  await expect(later.attempt()).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('--reread') as string });
});

test.each([
  ['a page that is given twice', 'GET /results', 'first', 'page 2 holds the same records as an earlier page'], ['a job that says it has more records than its pages hold', 'GET /jobs/query/\\w+', 'more', 'has 227 records and its pages hold 226'],
  ['a page with its fields in another order', 'GET /results', 'swapped', 'page 2 of job 750000000000000001 does not have the fields that were asked for, in their order'],
])('%s is refused, and stays so until it is read again', async (_kind, on, does, message) => {
  const { attempt } = await reading(await org({ faults: [{ on, at: on === 'GET /results' ? 2 : 1, does }] }));
  await expect(attempt()).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining(message) as string });
  // What was landed is not trusted any more; a page that was refused as it came is asked for again.
  if (does === 'swapped') expect((await attempt()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
  else await expect(attempt()).rejects.toMatchObject({ message: expect.stringContaining('--reread') as string });
});

test('a session that ends is begun anew in the middle of a job, also for pages side by side', async () => {
  for (const options of [{}, { bulk_parallel: 5 }]) {
    const crm = await org({ sessionRequests: 8 });
    const { attempt } = await reading(crm, { bulk_page: 20, ...options });
    expect((await attempt()).reduce((sum, { rows }) => sum + rows, 0)).toBe(226);
    // A login for the plan, one for the reading, and as many as sessions ended: pages side by side begin one together.
    expect(crm.asked().filter((line) => line.includes('token'))).toHaveLength('bulk_parallel' in options ? 4 : 3);
  }
});

test('the daily limit is read before it is met, and waited for', async () => {
  const crm = await org({ limits: { max: 100, used: 83 } });
  const { attempt } = await reading(crm, { bulk_page: 20, daily_share: 0.9 });
  // describe, limits, the job, a look at it, and three pages: ninety.
  await expect(attempt()).rejects.toMatchObject({ name: 'SourceThrottledError', retryAfter: 900_000, message: expect.stringContaining('90 of the org\'s 100 daily requests are used up') as string });
  expect(crm.askedFor(/results/)).toHaveLength(3);
  const before = crm.asked().length;
  await expect(attempt()).rejects.toMatchObject({ name: 'SourceThrottledError' });
  // A waiting run looks at the limit and asks for nothing else.
  expect(crm.asked().slice(before).filter((line) => !line.includes('token'))).toEqual(['GET /services/data/v67.0/limits']);
  // A user that may not see the limits is told them by the head of every answer.
  const blind = await org({ limits: { max: 100, used: 89 }, faults: [{ on: 'GET /limits', at: 1, does: 'INSUFFICIENT_ACCESS' }] });
  await expect((await reading(blind)).attempt()).rejects.toMatchObject({ name: 'SourceThrottledError', message: expect.stringContaining('91 of the org\'s 100') as string });
  const none = await reading(await org({ jobLimit: 0 }));
  await expect(none.attempt()).rejects.toMatchObject({ name: 'SourceThrottledError', message: expect.stringContaining('0 bulk query jobs of a day') as string });
});

test('an object that cannot be read in bulk, and a field that has gone since the plan, are named', async () => {
  await expect((await reading(await org(), {}, 'Setting__x')).attempt()).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('set "api: rest"') as string });
  const { plan } = await reading(await org());
  const other = await org({ without: ['Deal__c.Seats__c', 'Deal__c.Notes__c'] });
  for (const api of ['bulk', 'rest']) {
    const spec = parsePipeline('pipeline: p\nsource: in\ndestination: out\nstreams: [{ stream: Deal__c, to: t, mode: full }]\n', 'test.yaml').streams[0]!;
    const source = await salesforce.openSource!({ url: other.url, auth: byClient }, { engine: bench.engine, baseFolder: bench.home, connection: 'crm' });
    await expect(source.read({ stream: spec, plan, partition: { ...plan.partitions[0]!, detail: { api } } }, landingIn(bench.home), quietControl())).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('"Seats__c", "Notes__c" has gone since the plan was made') as string });
  }
});

test('an empty object needs no page', async () => {
  const crm = await org({ deals: 0 });
  expect(await (await reading(crm)).attempt()).toEqual([]);
  expect(crm.askedFor(/results/)).toEqual([]);
});
