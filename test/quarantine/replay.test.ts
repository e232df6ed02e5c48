import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { events, millrace, useInstallation } from '../support/millrace';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, nextDate, type Installation } from '../support/worker';

let database: TestDatabase;
let place: Installation;
let restore: () => void;

const shop = (name: string, words: string, steps = '- cast: { columns: { total: "DECIMAL(12,2)" } }'): string =>
  `pipeline: ${name}\nsource: db\ndestination: db\nstreams:\n  - stream: orders\n    to: ${name}\n    partition: { rows: 40 }\n    types: {}\n    ${words}\n    steps:\n      ${steps}\n`;
const file = (name: string, text: string): string => {
  const at = path.join(place.home, `${name}.yaml`);
  writeFileSync(at, text);
  return at;
};
const count = (table: string): Promise<unknown> => database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids FROM ${table}`);
const listed = async (run: string): Promise<Record<string, unknown>> => {
  const [{ runs }] = events(await millrace('quarantine', 'list', run, '--json')) as [{ runs: { resolution: Record<string, unknown> }[] }];
  return runs[0]!.resolution;
};

beforeAll(async () => {
  database = await createDatabase();
  // 100 orders; the total of every tenth is no number.
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, total text, at timestamptz NOT NULL)');
  await database.run(`INSERT INTO orders SELECT n, CASE WHEN n % 10 = 0 THEN n || ' EUR' ELSE n || '.50' END, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 100) n`);
  await database.run('ANALYZE orders');
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: out.duckdb }\nlake: { connector: files, path: lake }\n`);
  restore = useInstallation(place);
  await place.startWorker();
});
afterAll(async () => {
  restore();
  await place.close();
  await database.drop();
});

const mended = '- replace: { columns: [total], pattern: " EUR", with: "", regex: true }\n      - cast: { columns: { total: "DECIMAL(12,2)" } }';

describe.each([
  ['appended', 'mode: full\n    write: append\n    snapshot: true'],
  ['merged', 'mode: full\n    write: merge\n    key: [id]'],
  ['replaced', 'mode: full\n    write: replace'],
])('rows of a stream that is %s', (name, words) => {
  it('come in once, through the pipeline with its rule mended; the run shows what became of them', async () => {
    const date = nextDate();
    const run = `${name}/run-${date}`;
    expect((await place.run(shop(name, words), date)).totals).toMatchObject({ read: 100, loaded: 90, rejected: 10 });

    const same = await millrace('quarantine', 'replay', run, '--json');
    expect(same.code).toBe(2);
    expect(events(same).at(-1)).toMatchObject({ summary: { run: { workflowId: `${run}/replay-1`, replay: { number: 1 } }, state: 'succeeded_with_rejects', totals: { read: 10, loaded: 0, rejected: 10 } } });
    expect(await listed(run)).toMatchObject({ rejected: 10, replayed: 10, open: 0, again: 10 });
    expect(await listed(`${run}/replay-1`)).toMatchObject({ rejected: 10, replayed: 0, open: 10 });

    const better = file(name, shop(name, words, mended));
    const fixed = await millrace('quarantine', 'replay', run, '--with', better, '--json');
    expect(events(fixed).at(-1)).toMatchObject({ summary: { state: 'succeeded', totals: { read: 10, loaded: 10, rejected: 0 } } });
    expect(fixed.code).toBe(0);
    expect(await count(name)).toEqual({ n: '100', ids: '100' });
    expect(await listed(`${run}/replay-1`)).toMatchObject({ rejected: 10, replayed: 10, open: 0, again: 0 });

    expect((await millrace('quarantine', 'replay', run)).out).toContain('no row of');
    expect((await place.verify(run)).ok).toBe(true);
    expect((await place.verify(`${run}/replay-2`)).ok).toBe(true);
    expect(await count(name)).toEqual({ n: '100', ids: '100' });
  });
});
