import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { killPoints, type KillPoint } from '../../src/domain/control';
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
let seed = Number(process.env['MILLRACE_SEED'] ?? 20261124);
const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(random() * list.length)]!;

beforeAll(async () => {
  database = await createDatabase();
  place = await install(`db: { connector: postgres, url: "${database.url}" }\n`);
  restore = useInstallation(place);
});
afterAll(async () => {
  restore();
  await place.close();
  await database.drop();
});

const rows = 150;
const steps = ['{ cast: { columns: { total: "DECIMAL(12,2)" } } }', '{ replace: { columns: [total], pattern: " EUR", with: "" } }, { cast: { columns: { total: "DECIMAL(12,2)" } } }'] as const;
const writes = ['mode: full, write: append, snapshot: true', 'mode: full, write: merge, key: [id]', 'mode: full, write: replace', 'mode: full, write: delete_insert, by: [branch]', 'mode: full, write: scd2, key: [id]'];

async function expectClosed(name: string, run: string): Promise<void> {
  const loaded = (await database.rows(`SELECT id::text FROM ${name}`)).map((row) => row['id']!);
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

it.each(writes.map((words, index) => [words, index] as const))('%s: no row is lost or doubled', async (words, index) => {
  const name = `random_${index}`;
  const table = `source_${index}`;
  await database.run(`CREATE TABLE ${table} (id bigint PRIMARY KEY, total text, branch int)`);
  for (let id = 1; id <= rows; id += 1) await database.run(`INSERT INTO ${table} VALUES (${id}, '${random() < 0.7 ? id : random() < 0.6 ? `${id} EUR` : 'unknown'}', ${id % 7})`);
  await database.run(`ANALYZE ${table}`);
  const yaml = (rule: string) => `pipeline: ${name}\nsource: db\ndestination: db\nstreams:\n  - { stream: ${table}, to: ${name}, partition: { rows: 40 }, ${words}, steps: [${rule}] }\n`;
  const mended = path.join(place.home, `${name}.yaml`);
  writeFileSync(mended, yaml(steps[1]));
  let worker = await place.startWorker();
  const date = nextDate();
  const run = `${name}/run-${date}`;
  await place.run(yaml(steps[0]), date);
  await expectClosed(name, run);
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
    await expectClosed(name, run);
  }
  worker.kill('SIGKILL');
}, 600_000);
