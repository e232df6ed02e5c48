import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { createLake, type Lake } from '../support/lake';

/** Small files become bigger ones: same rows, same proofs. What dies or comes in between is in test/long. */
let lake: Lake;
beforeAll(async () => {
  lake = await createLake();
  await lake.place.startWorker();
});
afterAll(() => lake.close());

test.each(['folder'])('%s: small files of one folder become one, the rows and the proofs of all runs stay, and a second time there is nothing to do', async (destination) => {
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

test.each(['bucket'])('%s: a group that comes again replaces its rows in the merged file, and their run says by whom', async (destination) => {
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

test('a merged file that is changed behind its back is found, in each batch whose rows it holds', async () => {
  await lake.grow('tampered');
  const text = lake.yaml('folder', 'tampered');
  await lake.place.run(text);
  await lake.compact(text);
  const [file] = await lake.filesOf('folder', 'tampered');
  // The same rows and more: no figure of a batch shows it.
  const other = (await lake.filesOf('folder', 'small_folder'))[0]!;
  copyFileSync(path.join(lake.place.home, 'lake/small_folder', other), path.join(lake.place.home, 'lake/tampered', file!));
  expect(await lake.place.verify('tampered')).toMatchObject({ ok: false, streams: [{ batches: { wrong: 3 } }] });
});

test('what cannot be merged without loss is refused with the reason', async () => {
  await lake.grow('texts');
  await expect(lake.compact(lake.yaml('folder', 'texts', `mode: incremental, cursor: at, write: append, lineage: false`))).rejects.toMatchObject({ cause: { cause: { message: expect.stringContaining('lineage: false') as string } } });
  await expect(lake.compact(lake.yaml('db', 'texts').replace('target: { partition_by: [month] }, ', ''))).rejects.toMatchObject({ cause: { cause: { message: expect.stringContaining('is a database') as string } } });
});
