import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openEngine } from '../../src/transforms/duckdb-engine';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, everything } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { ensureBucket } from '../support/s3';
import { install, nextDate, summaryOf as runSummaryOf, type Installation } from '../support/worker';

let database: TestDatabase;
let place: Installation;
let restore: () => void;

const cast = '- cast: { columns: { total: "DECIMAL(12,2)" } }';
const mended = `- replace: { columns: [total], pattern: " EUR", with: "" }\n      ${cast}`;
const shop = (name: string, destination: string, words: string, steps = cast): string =>
  `pipeline: ${name}\nsource: shop\ndestination: ${destination}\nstreams:\n  - stream: orders\n    to: ${name}\n    partition: { rows: 40 }\n    ${words}\n    steps:\n      ${steps}\n`;
const file = (name: string, text: string): string => {
  const at = path.join(place.home, `${name}.yaml`);
  writeFileSync(at, text);
  return at;
};
const count = (table: string): Promise<unknown> => database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids FROM ${table}`);
const quarantine = async (...argv: readonly string[]) => events(await millrace('quarantine', ...argv, '--json'));
const listed = async (run: string): Promise<unknown> => ((await quarantine('list', run)) as [{ runs: { resolution: unknown }[] }])[0].runs[0]?.resolution;
const summaryOf = (found: readonly Record<string, unknown>[]): unknown => found.at(-1)!['summary'];
async function dropInDuck(table: string): Promise<void> {
  const engine = await openEngine({ memoryLimit: '100MB', tempFolder: path.join(place.home, 'drop'), tempLimit: '1GB', slots: 1, threads: 1 });
  await engine.file(path.join(place.home, 'out.duckdb'), { readOnly: false }, new AbortController().signal, (session) => session.run(`DROP TABLE ${table}`));
  await engine.close();
}
/** A run with ten rows in quarantine. */
async function reject(name: string, destination: string, words: string, steps = cast): Promise<string> {
  const date = nextDate();
  expect((await place.run(shop(name, destination, words, steps), date)).totals).toMatchObject({ read: 100, loaded: 90, rejected: 10 });
  return `${name}/run-${date}`;
}

beforeAll(async () => {
  database = await createDatabase();
  await ensureBucket('millrace-test');
  // 100 orders; the total of every tenth is no number.
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, total text, branch int, at timestamptz NOT NULL)');
  await database.run(`INSERT INTO orders SELECT n, CASE WHEN n % 10 = 0 THEN n || ' EUR' ELSE n || '.50' END, n % 7, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 100) n`);
  await database.run('ANALYZE orders');
  place = await install(`${connections(database, database)}here: { connector: files, path: . }\n`);
  restore = useInstallation(place);
  await place.startWorker();
});
afterAll(async () => {
  restore();
  await place.close();
  await database.drop();
});

const append = 'mode: full\n    write: append\n    snapshot: true';
const merge = 'mode: full\n    write: merge\n    key: [id]';

/** Where the ways of writing differ; all of them in the chaos suite. */
const quick = ['appended', 'replaced', 'versions', 'duck_merged', 'lake_replaced'];
const cases = [
  ['appended', 'db', append],
  ['merged', 'db', merge],
  ['replaced', 'db', 'mode: full\n    write: replace'],
  ['grouped', 'db', 'mode: full\n    write: delete_insert\n    by: [branch]'],
  ['versions', 'db', 'mode: full\n    write: scd2\n    key: [id]'],
  ['duck_merged', 'duck', merge],
  ['duck_replaced', 'duck', 'mode: full\n    write: replace'],
  ['lake_replaced', 'lake', 'mode: full\n    write: replace'],
  ['bucket_appended', 'bucket', append],
] as const;

describe.each(cases.filter(([name]) => everything || quick.includes(name)))('rows of a stream that is %s (%s)', (name, destination, words) => {
  it('come in once, through the pipeline with its rule mended; the run shows what became of them', async () => {
    const run = await reject(`re_${name}`, destination, words);
    if (name === 'appended') {
      expect(await millrace('quarantine', 'replay', run)).toMatchObject({ code: 2 });
      expect(await listed(run)).toMatchObject({ rejected: 10, replayed: 10, open: 0, again: 10 });
      expect(await listed(`${run}/replay-1`)).toMatchObject({ rejected: 10, replayed: 0, open: 10 });
    }
    const replay = await quarantine('replay', run, '--with', file(name, shop(`re_${name}`, destination, words, mended)));
    expect(summaryOf(replay)).toMatchObject({ run: { replay: { of: expect.stringContaining(`re_${name}/run-`) as string } }, state: 'succeeded', totals: { read: 10, loaded: 10, rejected: 0 } });
    if (destination === 'db') expect(await count(`re_${name}`)).toEqual({ n: '100', ids: '100' });
    const runs = [run, (summaryOf(replay) as { run: { workflowId: string } }).run.workflowId];
    for (const one of runs) expect(await place.verify(one)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
    expect((await millrace('quarantine', 'replay', run)).out).toContain('no row of');
    expect((await millrace('status', run)).out).toContain(name === 'appended' ? 'rejected 10 = replayed 10 + open 0; of the replayed, 10 were rejected again' : 'rejected 10 = replayed 10 + open 0');
  });
});

describe('rows', () => {
  it('are exported, mended, taken back, replayed through the same pipeline, and discarded; the sum closes', async () => {
    const run = await reject('re_mended', 'db', append);
    const rows = path.join(place.home, 'rows.jsonl');
    expect(await quarantine('export', run, '--to', rows)).toMatchObject([{ rows: 10 }]);
    const lines = readFileSync(rows, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { record: Record<string, string> });
    expect(lines[0]).toMatchObject({ stream: 'orders', entry: '0000:0', record: { id: '10', total: '10 EUR' }, reasons: [{ column: 'total' }] });
    for (const line of lines.slice(0, 6)) line.record['total'] = line.record['total']!.replace(' EUR', '');
    writeFileSync(rows, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(await quarantine('edit', run, rows, '--why', 'currency')).toMatchObject([{ rows: 6 }]);
    expect(await quarantine('edit', run, '--step', 'cast', '--set', 'totl=1').catch(() => [])).toMatchObject([{ event: 'error' }]);

    expect(summaryOf(await quarantine('replay', run))).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 10, loaded: 6, rejected: 4 } });
    expect(await count('re_mended')).toEqual({ n: '96', ids: '96' });
    const [again] = await quarantine('show', `${run}/replay-1`);
    expect(again).toMatchObject({ state: 'open', edited: false, replayOf: expect.stringMatching(/re_mended\/run-\S+ 000\d:\d$/) as string });

    expect(await quarantine('edit', run, '--column', 'total', '--set', 'total=7.77')).toMatchObject([{ rows: 4 }]);
    expect(await quarantine('discard', run, '--why', 'test orders', '--all')).toMatchObject([{ rows: 4 }]);
    expect(await listed(`${run}/replay-1`)).toMatchObject({ rejected: 4, replayed: 0, discarded: 4, open: 0 });
    expect((await millrace('quarantine', 'replay', run)).out).toContain('no row of');
    expect(await count('re_mended')).toEqual({ n: '96', ids: '96' });
  });

  it('that fail a check and are not set aside are shown, some of them, and count for nothing', async () => {
    const date = nextDate();
    const checks = 'checks: [{ range: { column: branch, max: 5, on_fail: warn } }, { pattern: { column: total, matches: "[0-9.]+", mostly: 0.95 } }]';
    const summary = await place.run(shop('re_failing', 'db', `${append}\n    ${checks}`, '- filter: { where: "true" }'), date);
    expect(summary.streams[0]).toMatchObject({ state: 'failed', totals: { loaded: 0, rejected: 0 }, error: { message: expect.stringContaining('"millrace quarantine show RUN" shows some of the rows') as string } });
    const run = `re_failing/run-${date}`;
    const shown = (await quarantine('show', run, '--limit', '100')).filter(({ event }) => event === 'failing');
    expect(shown.map(({ check }) => check)).toEqual([...Array.from({ length: 10 }, () => 'range'), ...Array.from({ length: 10 }, () => 'pattern')]);
    expect(shown.every(({ check, raw }) => { const { branch, total } = JSON.parse(String(raw)) as { branch: string; total: string }; return check === 'range' ? branch === '6' : total.endsWith(' EUR'); })).toBe(true);
    expect((await millrace('quarantine', 'show', run, '--step', 'pattern')).out).toContain('check pattern');
    expect((await millrace('quarantine', 'replay', run)).out).toContain('no row of');
  });

  it('are chosen by stream, step, column and reason', async () => {
    const run = await reject('re_chosen', 'db', append, `${cast}\n      - filter: { where: "id > 0" }`);
    expect((await millrace('quarantine', 'replay', run, '--column', 'note')).out).toContain('no row of');
    expect((await quarantine('list', run, '--column', 'total'))[0]).toMatchObject({ runs: [{ groups: [{ column: 'total', rows: 10, open: 10 }] }] });
    expect(await quarantine('discard', run, '--reason', 'DECIMAL', '--why', 'x')).toMatchObject([{ rows: 10 }]);
    expect((await quarantine('list', run))[0]).toMatchObject({ runs: [{ groups: [{ column: 'total', rows: 10, open: 0 }] }] });
    expect((await millrace('quarantine', 'discard', run, '--why', 'x')).code).toBe(4);
  });

  it('of a merge do not go over what a later run wrote for their key', async () => {
    const run = await reject('re_older', 'db', merge);
    await database.run("UPDATE orders SET total = '1.00' WHERE id = 10");
    expect((await place.run(shop('re_older', 'db', merge))).totals).toMatchObject({ rejected: 9 });
    const again = await quarantine('replay', run, '--with', file('older', shop('re_older', 'db', merge, mended)));
    expect(summaryOf(again)).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 10, loaded: 9, rejected: 1 } });
    expect(await database.row('SELECT total::text FROM re_older WHERE id = 10')).toEqual({ total: '1.00' });
    expect((await place.verify(`${run}/replay-1`)).ok).toBe(true);
    await database.run("UPDATE orders SET total = '10 EUR' WHERE id = 10");
  });

  it('whose key another row of the run has brought are set aside again', async () => {
    const steps = `${cast}\n      - deduplicate: { keys: [id] }`;
    const run = await reject('re_double', 'db', 'mode: full\n    write: replace', steps);
    expect(await quarantine('edit', run, '--step', 'cast', '--set', 'total=1', '--set', 'id=5')).toMatchObject([{ rows: 10 }]);
    expect(summaryOf(await quarantine('replay', run))).toMatchObject({ totals: { read: 10, loaded: 0, rejected: 1, deduplicated: 9 } });
    expect(await count('re_double')).toEqual({ n: '90', ids: '90' });
  });

  it('set aside after a step of the whole stream are kept as the source gave them', async () => {
    const steps = '- add: { columns: { more: "id + 1" } }\n      - deduplicate: { keys: [id] }\n      - cast: { columns: { total: "DECIMAL(12,2)" } }';
    const run = await reject('re_source', 'db', 'mode: full\n    write: replace', steps);
    const records = (await quarantine('show', run)).map(({ raw }) => JSON.parse(String(raw)) as { id: string });
    expect(records.find(({ id }) => id === '20')).toEqual({ id: '20', total: '20 EUR', branch: '6', at: '2026-01-01 00:20:00+00' });
    expect(summaryOf(await quarantine('replay', run, '--with', file('source', shop('re_source', 'db', 'mode: full\n    write: replace', steps.replace('- add', '- replace: { columns: [total], pattern: " EUR", with: "" }\n      - add')))))).toMatchObject({ totals: { read: 10, loaded: 10 } });
    expect(await count('re_source')).toEqual({ n: '100', ids: '100' });
  });

  it('come in once where two replays are started at once', async () => {
    const run = await reject('re_twice', 'db', append);
    const better = file('twice', shop('re_twice', 'db', append, mended));
    const started = [await quarantine('replay', run, '--with', better, '--detach'), await quarantine('replay', run, '--with', better, '--detach')].map((found) => String(found.find(({ event }) => event === 'started')?.['run'] ?? ''));
    const loaded = await Promise.all(started.filter((id) => id !== '').map(async (id) => (await runSummaryOf(place.client.workflow.getHandle(id))).totals.loaded));
    expect(loaded.reduce((sum, rows) => sum + rows, 0)).toBe(10);
    expect(await count('re_twice')).toEqual({ n: '100', ids: '100' });
  });
});

describe('lines of a CSV file', () => {
  it('that do not fit a type are records, which a mended rule takes; one that cannot be read at all is mended into a record', async () => {
    writeFileSync(path.join(place.home, 'lines.csv'), 'id,total,note\n1,2.5,a\n2,many,b\n3,1,c,d\n4,7.5,e\n');
    const yaml = (more: string) => `pipeline: re_lines\nsource: here\ndestination: db\nstreams:\n  - { stream: lines.csv, to: re_lines, mode: full, write: replace, types: { id: BIGINT, total: ${more}\n`;
    const date = nextDate();
    expect((await place.run(yaml('"DECIMAL(9,2)" } }'), date)).totals).toMatchObject({ read: 4, loaded: 2, rejected: 2 });
    const run = `re_lines/run-${date}`;
    expect((await quarantine('show', run)).map(({ raw }) => JSON.parse(String(raw)) as unknown)).toEqual([{ id: '2', total: 'many', note: 'b' }, '3,1,c,d']);
    const rows = path.join(place.home, 'lines.jsonl');
    await quarantine('export', run, '--reason', 'header', '--to', rows);
    writeFileSync(rows, readFileSync(rows, 'utf8').replace('"3,1,c,d"', '{"id":"3","total":"1","note":"c,d"}'));
    expect(await quarantine('edit', run, rows)).toMatchObject([{ rows: 1 }]);
    const better = file('re_lines', yaml('VARCHAR }, steps: [{ map_values: { column: total, values: { many: "99", "1": "1" } } }, { cast: { columns: { total: "DECIMAL(9,2)" } } }] }'));
    expect(summaryOf(await quarantine('replay', run, '--with', better))).toMatchObject({ state: 'succeeded', totals: { read: 2, loaded: 2 } });
    expect(await database.rows('SELECT id::text, total::text, note FROM re_lines ORDER BY id')).toEqual([
      { id: '1', total: '2.50', note: 'a' }, { id: '2', total: '99.00', note: 'b' }, { id: '3', total: '1.00', note: 'c,d' }, { id: '4', total: '7.50', note: 'e' },
    ]);
  });
});

describe('rows of a stream whose steps need all rows', () => {
  const windowed = (steps: string): string => `${steps}\n      - window: { columns: { n: "count(*)", sum: "sum(total)" } }`;
  const replaced = 'mode: full\n    write: replace';

  it('come in once: everything is read again and put in place of what the run brought', async () => {
    const run = await reject('re_window', 'db', replaced, windowed(cast));
    expect(await database.row('SELECT max(n)::text AS n FROM re_window')).toEqual({ n: '90' });
    expect(await millrace('quarantine', 'replay', run)).toMatchObject({ code: 2 });
    expect(await listed(run)).toMatchObject({ rejected: 10, replayed: 10, open: 0, again: 10 });
    expect((await quarantine('show', `${run}/replay-1`))[0]).toMatchObject({ replayOf: expect.stringMatching(/^re_window\/run-\S+ 0000:\d+$/) as string });
    const better = file('re_window', shop('re_window', 'db', replaced, windowed(mended)));
    expect(summaryOf(await quarantine('replay', run, '--with', better))).toMatchObject({ state: 'succeeded', totals: { read: 100, loaded: 100 }, streams: [{ notes: [expect.stringContaining('everything was read again, with the 10 open rows') as string] }] });
    expect(await database.row('SELECT count(*)::text AS rows, count(DISTINCT id)::text AS ids, max(n)::text AS n FROM re_window')).toEqual({ rows: '100', ids: '100', n: '100' });
    expect(await listed(`${run}/replay-1`)).toMatchObject({ rejected: 10, replayed: 10, open: 0, again: 0 });
    expect(await place.verify(`${run}/replay-2`)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
    expect((await millrace('quarantine', 'replay', run)).out).toContain('no row of');
  });

  it('of an increment come in with their whole periods, and the checkpoint stays', async () => {
    await database.run('CREATE TABLE sales AS SELECT id, total, at FROM orders; ALTER TABLE sales ADD PRIMARY KEY (id)');
    const words = 'mode: incremental\n    cursor: at\n    cursor_changes: never\n    lookback: month\n    settle: 30 seconds\n    write: delete_insert\n    by: [month]';
    const sales = (steps: string): string => shop('re_month', 'db', words, `${steps}\n      - aggregate: { by: { month: 'date_trunc(''month'', "at")' }, measures: { n: "count(*)", total: "sum(total)" } }`).replace('stream: orders', 'stream: sales');
    const date = nextDate();
    expect(await place.run(sales(cast), date)).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 100, rejected: 10, aggregated: 89, loaded: 1 } });
    await database.run("INSERT INTO sales VALUES (101, '1.50', '2026-01-20'), (102, '2', '2026-02-02')");
    expect((await place.run(sales(cast))).totals).toMatchObject({ read: 102, rejected: 10, loaded: 2 });
    const run = `re_month/run-${date}`;
    const cursor = () => database.row("SELECT position::text AS position FROM _millrace_checkpoints WHERE pipeline = 're_month'");
    const before = await cursor();
    const replay = await quarantine('replay', run, '--with', file('re_month', sales(mended)));
    expect(summaryOf(replay)).toMatchObject({ state: 'succeeded', totals: { read: 101, aggregated: 100, loaded: 1 }, streams: [{ window: { upper: expect.stringContaining('2026-02-01') as string } }] });
    expect(await database.rows('SELECT n::text, total::text FROM re_month ORDER BY month')).toEqual([{ n: '101', total: '5096.50' }, { n: '1', total: '2.00' }]);
    expect(await cursor()).toEqual(before);
    expect(await listed(run)).toMatchObject({ rejected: 10, replayed: 10, open: 0 });
  });

  it('are refused where a person has mended, discarded or chosen some, which the source does not know of', async () => {
    const run = await reject('re_single', 'db', replaced, windowed(cast));
    await millrace('quarantine', 'edit', run, '--reason', 'DECIMAL', '--set', 'total=1');
    expect(await millrace('quarantine', 'replay', run)).toMatchObject({ code: 4, out: expect.stringContaining('does not have the 10 records as you mended them') as string });

    const date = nextDate();
    await place.run(`${shop('re_dropped', 'db', replaced, windowed(cast))}    checks: [{ range: { column: id, max: 98, on_fail: quarantine } }]\n`, date);
    const other = `re_dropped/run-${date}`;
    expect((await millrace('quarantine', 'replay', other, '--column', 'id')).out).toContain('it takes the 11 open rows and not 1 of them');
    expect(await millrace('quarantine', 'discard', other, '--column', 'id', '--why', 'no order')).toMatchObject({ code: 0 });
    expect((await millrace('quarantine', 'replay', other)).out).toContain('and the 1 discarded row with them');
    expect(await listed(other)).toMatchObject({ rejected: 11, replayed: 0, discarded: 1, open: 10 });
  });
});

describe('records of JSON', () => {
  const yaml = 'pipeline: re_digits\nsource: here\ndestination: db\nstreams:\n  - { stream: digits.jsonl, to: re_digits, mode: full, write: replace, types: { id: BIGINT, on: DATE, amount: "DECIMAL(38,25)", note: VARCHAR } }\n';
  const open = async (): Promise<{ readonly run: string; readonly rows: string; readonly lines: string[] }> => {
    writeFileSync(path.join(place.home, 'digits.jsonl'), [
      '{"id": 1, "on": "2026-01-01", "amount": 1.5, "note": "x"}',
      '{"id": 9223372036854775807, "on": "soon", "amount": 0.1234567890123456789012345, "note": "1.50 \\"2.50\\"", "more": {"rate": 0.10}}',
      '{"id": 3, "on": "soon", "amount": 3.1000000000000000000000003, "note": 1.10}', ''].join('\n'));
    const date = nextDate();
    expect((await place.run(yaml, date)).totals).toMatchObject({ read: 3, loaded: 1, rejected: 2 });
    const [run, rows] = [`re_digits/run-${date}`, path.join(place.home, 'digits.rows.jsonl')];
    await quarantine('export', run, '--to', rows);
    return { run, rows, lines: readFileSync(rows, 'utf8').trim().split('\n') };
  };

  it('keep every digit of their numbers through export, edit and replay', async () => {
    const { run, rows, lines } = await open();
    expect(lines[0]).toContain('"record":{"id":9223372036854775807,"on":"soon","amount":0.1234567890123456789012345,"note":"1.50 \\"2.50\\"","more":{"rate":0.10}}');
    expect(await quarantine('edit', run, rows)).toMatchObject([{ rows: 0 }]);
    // A mended file may come from another system: a byte order mark, other line ends, an empty line.
    writeFileSync(rows, `\ufeff${lines[0]!.replace('"soon"', '"2026-02-02"')}\r\n\r\n`);
    expect(await quarantine('edit', run, rows)).toMatchObject([{ rows: 1 }]);
    expect(await quarantine('edit', run, '--all', '--set', 'on=2026-03-03')).toMatchObject([{ rows: 2 }]);
    expect(summaryOf(await quarantine('replay', run))).toMatchObject({ state: 'succeeded', totals: { read: 2, loaded: 2 } });
    expect(await database.rows('SELECT id::text, "on"::text, amount::text, note FROM re_digits WHERE id <> 1 ORDER BY id')).toEqual([
      { id: '3', on: '2026-03-03', amount: '3.1000000000000000000000003', note: '1.10' },
      { id: '9223372036854775807', on: '2026-03-03', amount: '0.1234567890123456789012345', note: '1.50 "2.50"' },
    ]);
  });

  it('are taken back as a whole file or not at all, and the line that is wrong is named', async () => {
    const { run, rows, lines } = await open();
    const [first, second] = lines as [string, string];
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[first, '{"run": "x", '], 'line 2 of'], [[first, '12'], 'line 2 of'], [[first, second.replace('"record":', '"recrd":')], 'has no record'], [[second.replace(/"record":.*$/, '"record":null}')], 'has no record'],
      [[first, second.replace('digits.jsonl', 'digts.jsonl')], 'stream that the run does not have'], [[first, second, first], 'another line names too'], [[second.replace('"on":', '"onn":')], 'unknown column "onn"'],
      [[second.replace(/"entry":"[^"]*"/, '"entry":"0000:77"')], 'names no open row'],
    ];
    for (const [text, why] of cases) {
      writeFileSync(rows, text.join('\n').replaceAll('"soon"', '"2026-02-02"'));
      expect([why, await millrace('quarantine', 'edit', run, rows)]).toEqual([why, expect.objectContaining({ code: 4, err: expect.stringContaining(why) as string })]);
    }
    expect((await quarantine('show', run)).every(({ edited }) => edited === false)).toBe(true);
  });
});

describe('a replay is refused', () => {
  it('where a later run has put its own rows into the table', async () => {
    const words = 'mode: full\n    write: replace';
    const run = await reject('re_later', 'db', words);
    await place.run(shop('re_later', 'db', words));
    const refused = await millrace('quarantine', 'replay', run, '--with', file('later', shop('re_later', 'db', words, mended)));
    expect(refused).toMatchObject({ code: 4, out: expect.stringContaining('a later run has published since') as string });
    expect((await millrace('quarantine', 'list', run)).out).toMatch(/rejected 10 = open 10; re_later\/run-\S+ has put its own rows there since, so what is open here is not replayed any more/);
    expect(await count('re_later')).toEqual({ n: '90', ids: '90' });
    expect(await listed(run)).toMatchObject({ replayed: 0, open: 10 });
  });

  it('where a step needs all rows, and where files cannot be asked for a key', async () => {
    const sum = await reject('re_sum', 'db', append, `${cast}\n      - window: { columns: { n: "count(*)" } }`);
    expect(await millrace('quarantine', 'replay', sum)).toMatchObject({ code: 4, err: expect.stringMatching(/depends on all rows.* written by append, which would double its rows; mend the source or the rule and run the pipeline again/s) as string });
    const late = await reject('re_all_later', 'db', 'mode: full\n    write: replace', `${cast}\n      - window: { columns: { n: "count(*)" } }`);
    await place.run(shop('re_all_later', 'db', 'mode: full\n    write: replace', `${cast}\n      - window: { columns: { n: "count(*)" } }`));
    expect(await millrace('quarantine', 'replay', late)).toMatchObject({ code: 4, out: expect.stringContaining('a later run has published since') as string });
    const run = await reject('re_keyed', 'lake', 'mode: full\n    write: replace', `${cast}\n      - deduplicate: { keys: [id] }`);
    expect(await millrace('quarantine', 'replay', run)).toMatchObject({ code: 4, out: expect.stringContaining('cannot be asked') as string });
  });

  it.each(['db', 'duck'])('where the table is there no more (%s)', async (destination) => {
    const run = await reject(`re_dropped_${destination}`, destination, append);
    if (destination === 'db') await database.run('DROP TABLE re_dropped_db');
    else await dropInDuck(`re_dropped_${destination}`);
    const refused = await millrace('quarantine', 'replay', run, '--with', file('dropped', shop(`re_dropped_${destination}`, destination, append, mended)));
    expect(refused).toMatchObject({ code: 4, out: expect.stringContaining('is there no more') as string });
    expect(await listed(run)).toMatchObject({ replayed: 0, open: 10 });
  });

  it('of a run that published nothing: a later one reads its rows again', async () => {
    const yaml = `${shop('re_never', 'db', append)}    checks: [{ row_count: { must_be_greater_than: 5000 } }]\n`;
    const date = nextDate();
    expect((await place.run(yaml, date)).state).toBe('failed');
    const run = `re_never/run-${date}`;
    expect(await millrace('quarantine', 'replay', run)).toMatchObject({ code: 4, err: expect.stringContaining('never published') as string });
    expect(await millrace('quarantine', 'edit', run, '--all', '--set', 'total=1')).toMatchObject({ code: 4, err: expect.stringContaining('never published') as string });
    const next = nextDate();
    await place.run(shop('re_never', 'db', append), next);
    expect((await millrace('quarantine', 'list', run)).out).toContain(`superseded by re_never/run-${next}`);
  });
});
