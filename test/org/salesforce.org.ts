import { readFileSync } from 'node:fs';
import { salesforce } from '../../src/connectors/salesforce';
import { openBench, type Bench } from '../support/files';

/**
 * A real org, such as a free developer edition: docs/salesforce.md says how to set it up. Reads only. Without its variables it says which to set.
 */
const of = (name: string): string => process.env[`MILLRACE_TEST_SALESFORCE${name}`] ?? '';
const there = of('') !== '';

const object = of('_OBJECT') || 'Account';
const auth = (): object => (of('_USER') === ''
  ? { type: 'client_credentials', client_id: of('_CLIENT'), client_secret: of('_SECRET') }
  : { type: 'jwt_bearer', client_id: of('_CLIENT'), user: of('_USER'), private_key: readFileSync(of('_KEY'), 'utf8'), ...(/test\.|sandbox/.test(of('')) && { audience: 'https://test.salesforce.com' }) });
const connection = (more: object = {}): object => ({ url: of(''), auth: auth(), ...more });

const needed = ['', '_CLIENT', ...(of('_USER') === '' ? ['_SECRET'] : ['_KEY'])];
const missing = needed.filter((name) => of(name) === '').map((name) => `MILLRACE_TEST_SALESFORCE${name}`);
const howTo = `To try a real org (a free developer edition will do; it only reads), set it up as docs/salesforce.md says, and
  export MILLRACE_TEST_SALESFORCE=https://acme-dev-ed.develop.my.salesforce.com   its My Domain address
  export MILLRACE_TEST_SALESFORCE_CLIENT=3MVG9…                                   the consumer key
  export MILLRACE_TEST_SALESFORCE_SECRET=…                                        the consumer secret; or, instead, for JWT bearer
  export MILLRACE_TEST_SALESFORCE_USER=millrace@acme.com MILLRACE_TEST_SALESFORCE_KEY=salesforce.key
  export MILLRACE_TEST_SALESFORCE_OBJECT=Account                                  read by the tests; best some thousand records
  npm run test:org
`;

if (!there) test('SKIPPED: there is no org to try; what to set stands above', () => void process.stderr.write(`\nSKIPPED: no test against a real Salesforce org.\n${howTo}\n`));
else if (missing.length > 0) test('everything that an org needs is set', () => { throw new Error(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set.\n${howTo}`); });
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
