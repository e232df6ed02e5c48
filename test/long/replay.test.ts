import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { killPoints, type KillPoint } from '../../src/domain/control';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';
import { events, millrace, useInstallation } from '../support/millrace';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, nextDate, summaryOf, type Installation } from '../support/worker';

/**
 * Random dirty rows, random writes, random hands: replays through the old and the mended rule, edits, discards, workers that die at random
 * points. After each step every row of the source is in exactly one place: in the target, open in quarantine, or discarded.
 */
let database: TestDatabase;
let place: Installation;
let restore: () => void;
let engine: Engine;
let seed = Number(process.env['MILLRACE_SEED'] ?? 20261124);
const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(random() * list.length)]!;

beforeAll(async () => {
  database = await createDatabase();
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: out.duckdb }\n`);
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(place.home, 'look'), tempLimit: '1GB', slots: 1, threads: 1 });
  restore = useInstallation(place);
});
afterAll(async () => {
  restore();
  await engine.close();
  await place.close();
  await database.drop();
});

const rows = 150;
const steps = ['{ cast: { columns: { total: "DECIMAL(12,2)" } } }', '{ replace: { columns: [total], pattern: " EUR", with: "" } }, { cast: { columns: { total: "DECIMAL(12,2)" } } }'] as const;
const read = 'mode: incremental, cursor: at, settle: 30 seconds';
/** How rows are written, where, and a step of the whole stream that a replay goes through: as there are no two rows of one key, it changes nothing. */
const writes: readonly (readonly [words: string, destination: 'db' | 'duck', whole?: string])[] = [
  ['mode: full, write: append, snapshot: true', 'db'], ['mode: full, write: merge, key: [id]', 'db'], ['mode: full, write: replace', 'db'], ['mode: full, write: delete_insert, by: [branch]', 'db'], ['mode: full, write: scd2, key: [id]', 'db'],
  [`${read}, write: append`, 'db'], [`${read}, write: merge, key: [id]`, 'db'], [`${read}, write: delete_insert, by: window`, 'db'], [`${read}, write: scd2, key: [id]`, 'db'],
  ['mode: full, write: append, snapshot: true', 'duck'], [`${read}, write: merge, key: [id]`, 'duck'], ['mode: full, write: replace', 'duck'], ['mode: full, write: scd2, key: [id]', 'duck'],
  ['mode: full, write: replace', 'db', '{ deduplicate: { keys: [id] } }'], ['mode: full, write: append, snapshot: true', 'duck', '{ deduplicate: { keys: [id] } }'],
];

/** Ids that are in the target; a version that has ended is there no more. */
async function idsIn(destination: 'db' | 'duck', name: string, words: string): Promise<readonly string[]> {
  const sql = `SELECT CAST(id AS VARCHAR) AS id FROM ${name}${words.includes('scd2') ? ' WHERE is_current' : ''}`;
  const found = destination === 'db' ? await database.rows(sql) : await engine.file(path.join(place.home, 'out.duckdb'), { readOnly: true }, new AbortController().signal, (session) => session.rows(sql));
  return found.map((row) => row['id']!);
}

async function expectClosed(name: string, run: string, loaded: readonly string[]): Promise<void> {
  const members = (events(await millrace('quarantine', 'list', name, '--json'))[0] as { runs: { run: string; resolution: { rejected: number; replayed: number; discarded: number; open: number } }[] }).runs;
  for (const { resolution: { rejected, replayed, discarded, open } } of members) expect(rejected).toBe(replayed + discarded + open);
  const aside: string[] = [];
  for (const member of new Set([run, ...members.map((one) => one.run)])) {
    const shown = (await millrace('quarantine', 'show', member, '--limit', '1000', '--json')).out.trim();
    const entries = shown === '' ? [] : (shown.split('\n').map((line) => JSON.parse(line) as Record<string, string>)).filter(({ event }) => event === 'rejected');
    aside.push(...entries.filter(({ state }) => state !== 'replayed').map(({ raw }) => (JSON.parse(raw!) as { id: string }).id));
  }
  const all = [...loaded, ...aside].map(Number).sort((left, right) => left - right);
  expect(all).toEqual(Array.from({ length: rows }, (_unused, index) => index + 1));
}

it.each(writes.map(([words, destination, whole], index) => [words, destination, whole ?? 'row by row', index] as const))('%s into %s, %s: no row is lost or doubled', async (words, destination, whole, index) => {
  const name = `random_${index}`;
  const table = `source_${index}`;
  await database.run(`CREATE TABLE ${table} (id bigint PRIMARY KEY, total text, branch int, at timestamptz NOT NULL)`);
  for (let id = 1; id <= rows; id += 1) await database.run(`INSERT INTO ${table} VALUES (${id}, '${random() < 0.7 ? id : random() < 0.6 ? `${id} EUR` : 'unknown'}', ${id % 7}, timestamptz '2026-01-01' + ${id} * interval '1 minute')`);
  await database.run(`ANALYZE ${table}`);
  const yaml = (rule: string) => `pipeline: ${name}\nsource: db\ndestination: ${destination}\nstreams:\n  - { stream: ${table}, to: ${name}, partition: { rows: 40 }, ${words}, steps: [${whole.startsWith('{') ? `${rule}, ${whole}` : rule}] }\n`;
  const mended = path.join(place.home, `${name}.yaml`);
  writeFileSync(mended, yaml(steps[1]));
  let worker = await place.startWorker();
  const date = nextDate();
  const run = `${name}/run-${date}`;
  await place.run(yaml(steps[0]), date);
  await expectClosed(name, run, await idsIn(destination, name, words));
  for (let round = 0; round < 6; round += 1) {
    const hand = pick(['replay', 'replay', 'mended', 'mended', 'edit', 'discard']);
    if (hand === 'edit') await millrace('quarantine', 'edit', run, '--column', 'total', '--set', `total=${round}`, '--json');
    else if (hand === 'discard' && round > 3) await millrace('quarantine', 'discard', run, '--step', 'cast', '--why', 'random', '--json');
    else {
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      worker.kill('SIGKILL');
      await gone;
      const started = events(await millrace('quarantine', 'replay', run, ...(hand === 'mended' ? ['--with', mended] : []), '--detach', '--json')).find(({ event }) => event === 'started');
      const dying = await place.startWorker(pick<KillPoint>(killPoints));
      const died = new Promise<void>((resolve) => dying.once('exit', () => resolve()));
      const end = started ? summaryOf(place.client.workflow.getHandle(String(started['run']))) : Promise.resolve(null);
      await Promise.race([died, end]);
      if (dying.exitCode === null && dying.signalCode === null) worker = dying;
      else worker = await place.startWorker();
      expect((await end)?.state ?? 'nothing').not.toBe('failed');
    }
    await expectClosed(name, run, await idsIn(destination, name, words));
  }
  worker.kill('SIGKILL');
}, 600_000);
