import { readFileSync } from 'node:fs';
import { salesforce } from '../../src/connectors/salesforce';
import { openBench, type Bench } from '../support/files';

/**
 * A real org, such as a free developer edition: docs/salesforce.md says how to set it up. Reads only. Variables:
 * MILLRACE_TEST_SALESFORCE its My Domain address, MILLRACE_TEST_SALESFORCE_CLIENT the consumer key, and either MILLRACE_TEST_SALESFORCE_SECRET, or
 * MILLRACE_TEST_SALESFORCE_USER with MILLRACE_TEST_SALESFORCE_KEY, the file of the private key; MILLRACE_TEST_SALESFORCE_OBJECT (default Account) is read.
 */
const of = (name: string): string => process.env[`MILLRACE_TEST_SALESFORCE${name}`] ?? '';
const there = of('') !== '';

const object = of('_OBJECT') || 'Account';
const auth = (): object => (of('_USER') === ''
  ? { type: 'client_credentials', client_id: of('_CLIENT'), client_secret: of('_SECRET') }
  : { type: 'jwt_bearer', client_id: of('_CLIENT'), user: of('_USER'), private_key: readFileSync(of('_KEY'), 'utf8'), ...(/test\.|sandbox/.test(of('')) && { audience: 'https://test.salesforce.com' }) });
const connection = (more: object = {}): object => ({ url: of(''), auth: auth(), ...more });

if (!there) test('SKIPPED: there is no org to try; set MILLRACE_TEST_SALESFORCE and what stands at the beginning of test/org/salesforce.org.ts', () => void process.stderr.write('SKIPPED: no test against a real Salesforce org\n'));
else describe('a real org', () => {
  const benches: Bench[] = [];
  const over = async (more: object): Promise<Bench> => {
    const bench = await openBench(salesforce, connection(more));
    benches.push(bench);
    return bench;
  };
  afterAll(async () => { for (const bench of benches) await bench.close(); });

  test('lets in, and tells its objects with their columns', async () => {
    const bench = await over({});
    const source = await salesforce.openSource!(connection(), { engine: bench.engine, baseFolder: bench.home, connection: 'org' });
    expect(await source.check()).toMatchObject({ ok: true });
    const found = (await source.discover(object)).find(({ stream }) => stream === object);
    expect(found?.columns.map(({ name }) => name)).toEqual(expect.arrayContaining(['Id', 'SystemModstamp', 'IsDeleted']));
  });

  test.each([['a full reading', ''], ['an incremental one', 'key: [Id], cursor: SystemModstamp']])('%s gives the same rows by query and by job, one page or many', async (_kind, words) => {
    const rows = async (more: object): Promise<readonly string[]> => {
      const { rows: found, rejects } = await (await over(more)).read(object, words);
      expect(rejects).toEqual([]);
      return found.map((row) => JSON.stringify(row)).sort();
    };
    const byQuery = await rows({ api: 'rest' });
    expect(byQuery.length).toBeGreaterThan(0);
    expect(await rows({ api: 'bulk' })).toEqual(byQuery);
    expect(await rows({ api: 'bulk', bulk_page: Math.max(1, Math.ceil(byQuery.length / 3)) })).toEqual(byQuery);
    expect(await rows({ api: 'bulk', bulk_parallel: 3 })).toEqual(byQuery);
  }, 600_000);

  test('an object that is not there is named', async () => {
    await expect((await over({ api: 'bulk' })).read('Nothing_of_the_kind__c')).rejects.toMatchObject({ disposition: 'hold' });
  });
});
