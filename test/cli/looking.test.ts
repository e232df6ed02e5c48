import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

let source: TestDatabase;
let database: TestDatabase;
let installation: Installation;
let restore: () => void;
const file = (name: string, text: string): string => {
  const at = path.join(installation.home, `${name}.yaml`);
  writeFileSync(at, text);
  return at;
};
/** Everything that a look could leave behind in the destination. */
const relations = async (): Promise<readonly unknown[]> => database.rows("SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2");

beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  installation = await install(connections(source, database));
  restore = useInstallation(installation);
  await installation.startWorker();
});
afterAll(async () => {
  restore();
  await installation.close();
  await source.drop();
  await database.drop();
});

describe('discover', () => {
  it('shows streams, types, key and estimated rows of a connection', async () => {
    const { code, out } = await millrace('discover', 'shop');
    expect(code).toBe(0);
    expect(out).toMatch(/public\.orders {2}about 3,000 rows, key id\n/);
    expect(out).toMatch(/ total +DECIMAL\(12,2\) +not null\n/);
  });

  it('takes a pipeline file for its source, and a filter', async () => {
    const pipeline = file('look', pipelineOf('look', 'db', 'mode: full\n    write: replace'));
    expect(events(await millrace('discover', pipeline, '--json'))).toMatchObject([{ event: 'discovered', connection: 'shop', total: 1 }]);
    expect((await millrace('discover', 'shop', '--filter', 'nothing')).out).toContain('leave out --filter');
  });

  it('knows the connections there are', async () => {
    expect(await millrace('discover', 'shpo')).toMatchObject({ code: 4, err: expect.stringContaining('known connections: shop, db, duck, lake') as string });
  });
});

describe('plan', () => {
  it('tells partitions, DDL and what can be rolled back, and changes nothing in the destination', async () => {
    const before = await relations();
    const { code, out } = await millrace('plan', file('planned', pipelineOf('planned', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id > 5" } }]')));
    expect(out).toMatch(/none: this is the first load/);
    expect(out).toMatch(/3 partitions: /);
    expect(out.replace(/\s+/g, ' ')).toContain('CREATE TABLE IF NOT EXISTS "public"."planned" ("id" bigint, "total" numeric(12,2)');
    expect(out).toContain('replace drops the previous version of a rejected row');
    expect(out).toMatch(/rollback +no: .*keep_previous/);
    expect(code).toBe(0);
    expect(await relations()).toEqual(before);
  });

  it('tells what replace would take away, and moves no fence', async () => {
    const yaml = pipelineOf('twice', 'db', 'mode: full\n    write: replace');
    await installation.run(yaml);
    const fence = () => database.row("SELECT fence::text, version::text FROM _millrace_checkpoints WHERE pipeline = 'twice'");
    const before = await fence();
    const { out } = await millrace('plan', file('twice', yaml));
    expect(out).toContain('replace takes away all rows that "twice" has');
    expect(out).toMatch(/version 1, last claimed by twice\/run-/);
    expect(await fence()).toEqual(before);
  });

  it('shows what an increment would read after its checkpoint', async () => {
    const yaml = pipelineOf('increment', 'db', 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]');
    await installation.run(yaml);
    await source.run("INSERT INTO orders SELECT n, 1, 'late', timestamptz '2026-02-01' FROM generate_series(9001, 9007) n");
    const [plan] = events(await millrace('plan', file('increment', yaml), '--json')) as { streams: { window: { lower: string }; notes: string[] }[] }[];
    expect(plan!.streams[0]!.window.lower).toContain('2026-01-01');
    expect(plan!.streams[0]!.notes.join()).toMatch(/deleted in the source are not seen/);
    await source.run('DELETE FROM orders WHERE id > 9000');
  });

  it('makes no DuckDB file, and ends by the side that would fail', async () => {
    await millrace('plan', file('ducked', pipelineOf('ducked', 'duck', 'mode: full\n    write: replace')));
    expect(readdirSync(installation.home)).not.toContain('out.duckdb');
    const broken = pipelineOf('broken', 'db', 'mode: full\n    write: replace').replace('stream: orders', 'stream: ordres');
    expect(await millrace('plan', file('broken', broken))).toMatchObject({ code: 5, out: expect.stringContaining('did you mean "public.orders"') as string });
  });
});

describe('preview', () => {
  const words = 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id % 2 = 0" } }, { cast: { columns: { note: BIGINT } } }]\n    checks: [{ row_count: { must_be_greater_than: 5000 } }]';

  it('shows rows after each step, what would be rejected and why, and writes nothing', async () => {
    const before = await relations();
    const { code, out } = await millrace('preview', file('seen', pipelineOf('seen', 'db', words)), '--rows', '3', '--sample', '100');
    expect(code).toBe(0);
    expect(out).toContain('read  100 in, 100 out');
    expect(out).toContain('1 filter  100 in, 50 out, 50 filtered');
    expect(out).toMatch(/2 cast {2}50 in, \d+ out, \d+ rejected/);
    expect(out).toMatch(/would be rejected .*\n +- note .*BIGINT.*: \{"id":"2"/);
    expect(out).toMatch(/block {2}check row_count/);
    expect(await relations()).toEqual(before);
    expect(out.split('\n').filter((line) => line.length > 80 && !line.includes(installation.home))).toEqual([]);
  });

  it('leaves no row in staging or in workflow history', async () => {
    await source.run("UPDATE orders SET note = 'an unmistakable value'");
    const [seen] = events(await millrace('preview', file('hidden', pipelineOf('hidden', 'db', 'mode: full\n    write: replace')), '--rows', '100', '--json'));
    expect(JSON.stringify(seen)).toContain('an unmistakable value');
    let histories = 0;
    for await (const { workflowId } of installation.client.workflow.list({ query: `WorkflowType = "previewPipeline" AND TaskQueue = "${installation.taskQueue}"` })) {
      const handle = installation.client.workflow.getHandle(workflowId);
      await handle.result();
      const text = JSON.stringify((await handle.fetchHistory()).events?.map((event) => JSON.stringify(event, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value))));
      expect(text).not.toContain('unmistakable');
      histories += 1;
    }
    expect(histories).toBeGreaterThan(0);
    const left = readdirSync(path.join(installation.home, 'staging/preview'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left).toEqual([]);
  });

  it('shows one step alone, and stops where a step cannot be compiled', async () => {
    const one = await millrace('preview', file('one', pipelineOf('one', 'db', words)), '--step', '2', '--sample', '10');
    expect(one.out).not.toContain('read  ');
    expect(one.out).toContain('1 filter');
    const broken = await millrace('preview', file('bad', pipelineOf('bad', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "nowhere = 1" } }]')), '--sample', '10');
    expect(broken).toMatchObject({ code: 4, out: expect.stringMatching(/stops here.*filter.*nowhere/) as string });
    expect(broken.out).toContain('read  10 in, 10 out');
    expect(broken.out).not.toContain('millrace run');
    expect(await millrace('preview', file('short', pipelineOf('short', 'db', words)), '--step', '99', '--sample', '10')).toMatchObject({ code: 4, out: expect.stringContaining('there is no step 99') as string });
  });
});
