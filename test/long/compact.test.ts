import { once } from 'node:events';
import path from 'node:path';
import { compactKillPoints } from '../../src/domain/control';
import { createLake, type Lake } from '../support/lake';
import { halted, install } from '../support/worker';

/** Merging small files while workers die, runs go on and others merge too. */
let lake: Lake;
beforeAll(async () => {
  lake = await createLake();
  await lake.place.startWorker();
});
afterAll(() => lake.close());

test.each(['bucket'])('%s: small files of one folder become one, the rows and the proofs of all runs stay, and a second time there is nothing to do', async (destination) => {
  const table = `small_${destination}`;
  const text = lake.yaml(destination, table);
  for (let times = 0; times < 2; times += 1) {
    await lake.grow(table);
    expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
  }
  const before = await lake.filesOf(destination, table);
  expect(before.length).toBeGreaterThanOrEqual(12);
  expect(await lake.compact(text, { dryRun: true })).toMatchObject([{ files: before.length, merged: before.length, into: 2 }]);
  expect(await lake.filesOf(destination, table)).toEqual(before);
  expect(await lake.compact(text)).toMatchObject([{ files: before.length, merged: before.length, into: 2 }]);
  expect((await lake.filesOf(destination, table)).map((file) => path.dirname(file))).toEqual(['month=2026-01', 'month=2026-02']);
  await lake.expectExact(destination, table);
  expect(await lake.compact(text)).toMatchObject([{ files: 2, merged: 0, into: 0 }]);
  // What comes later joins what was merged.
  await lake.grow(table);
  expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
  expect(await lake.compact(text)).toMatchObject([{ into: 2 }]);
  expect(await lake.filesOf(destination, table)).toHaveLength(2);
  await lake.expectExact(destination, table);
});

test.each(['folder'])('%s: a group that comes again replaces its rows in the merged file, and their run says by whom', async (destination) => {
  const table = `replaced_${destination}`;
  await lake.grow(table);
  const words = 'mode: full, write: delete_insert, by: [month]';
  const first = await lake.place.run(lake.yaml(destination, table, words));
  expect(await lake.compact(lake.yaml(destination, table, words))).toMatchObject([{ into: 2 }]);
  const again = await lake.place.run(lake.yaml(destination, table, `${words}, steps: [{ filter: { where: "month = '2026-02'" } }]`));
  expect(again.streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 150 }, deleted: 150 });
  await lake.expectExact(destination, table);
  expect(await lake.place.verify(first.run.workflowId)).toMatchObject({ ok: true, streams: [{ replacedBy: [expect.stringContaining(table) as string] }] });
});

test.each(compactKillPoints)('a worker that dies at %s leaves the table whole, and the next attempt ends the work', async (point) => {
  const table = `killed_${point.replace(/\W/g, '_')}`;
  const text = lake.yaml('bucket', table);
  await lake.grow(table);
  await lake.place.run(text);
  const other = await install(lake.connections);
  try {
    const worker = await other.startWorker(point);
    const gone = once(worker, 'exit');
    const done = lake.compact(text, { where: other });
    expect((await gone)[1]).toBe('SIGKILL');
    expect((await lake.place.verify(table)).streams[0]!.batches).toMatchObject({ wrong: 0 });
    await other.startWorker();
    await done;
    expect(await lake.filesOf('bucket', table)).toHaveLength(2);
    await lake.expectExact('bucket', table);
  } finally {
    await other.close();
  }
}, 120_000);

test.each(['a run', 'another merging'])('%s that comes in between takes the turn: the late one swaps nothing', async (what) => {
  const table = what === 'a run' ? 'late_run' : 'late_merging';
  const text = lake.yaml('bucket', table);
  await lake.grow(table);
  await lake.place.run(text);
  const other = await install(lake.connections);
  try {
    const worker = await other.startWorker('compact:after-manifest#1#SIGSTOP');
    const late = lake.compact(text, { where: other });
    await halted(worker);
    await lake.grow(table);
    if (what === 'a run') expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
    else expect(await lake.compact(text)).toMatchObject([{ into: 2 }]);
    worker.kill('SIGCONT');
    expect(await late).toMatchObject([{ into: 0 }]);
    if (what !== 'a run') expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
    await lake.expectExact('bucket', table);
    await lake.compact(text);
    expect(await lake.filesOf('bucket', table)).toHaveLength(2);
    await lake.expectExact('bucket', table);
  } finally {
    await other.close();
  }
}, 120_000);

test('a mutant that does not look whose turn it is names a file that the run in between has swept', async () => {
  const text = lake.yaml('bucket', 'mutant');
  await lake.grow('mutant');
  await lake.place.run(text);
  const other = await install(lake.connections, { patches: [{ file: 'connectors/file-destination/compact.js', find: 'head.fence === fence && head.merging === merging', put: 'true' }] });
  try {
    const worker = await other.startWorker('compact:after-manifest#1#SIGSTOP');
    const late = lake.compact(text, { where: other });
    await halted(worker);
    await lake.grow('mutant');
    expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
    worker.kill('SIGCONT');
    await late;
    expect(await lake.place.verify('mutant')).toMatchObject({ ok: false });
  } finally {
    await other.close();
  }
}, 120_000);
