import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boundQuarantine } from '../../src/activities/bound-quarantine';
import type { StagedRun } from '../../src/activities/staged-runs';
import { defaultRetention, type Retention } from '../../src/domain/retention';
import { openLocalStaging } from '../../src/stores/local-staging';
import type { StagingStore } from '../../src/stores/staging';

const hour = 3_600_000;
let home: string;
let staging: StagingStore;
beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'millrace bounds '));
  staging = await openLocalStaging(home);
});
afterEach(() => rmSync(home, { recursive: true }));

/** A run that ended so many hours ago, with 1000 bytes in quarantine. */
async function ended(folder: string, hours: number, life: StagedRun['life'] = 'ended'): Promise<StagedRun> {
  const { path: file } = await staging.create(`quarantine/${folder}/orders/0000`, 'parquet');
  writeFileSync(file, 'x'.repeat(1000));
  return { folder, life, endedAt: Date.now() - hours * hour, settled: false, document: {} as StagedRun['document'] };
}
const bound = (runs: readonly StagedRun[], quarantine: Partial<Retention['quarantine']>, resolved: readonly string[] = []) =>
  boundQuarantine({ staging, pipeline: 'orders', runs, resolved: new Set(resolved), retention: { ...defaultRetention, quarantine: { ...defaultRetention.quarantine, ...quarantine } }, dryRun: false });
async function left(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key } of staging.walk('quarantine/')) if (key.endsWith('.parquet')) found.push(key.split('/')[2]!);
  return found.sort();
}

it('keeps a run\'s quarantine as long as its youngest replay, and takes them together', async () => {
  const runs = [await ended('orders/run-1', 50), await ended('orders/run-1.replay-1', 2), await ended('orders/run-2', 50)];
  expect(await bound(runs, { keep: 10 * hour })).toEqual({ files: 1, bytes: 1000 });
  expect(await left()).toEqual(['run-1', 'run-1.replay-1']);
  expect(await bound(runs, { keep: hour })).toEqual({ files: 2, bytes: 2000 });
  expect(await left()).toEqual([]);
  expect(JSON.parse((await staging.read('quarantine/orders/run-1.replay-1/removed.json'))!)).toMatchObject({ why: 'quarantine.keep' });
});

it('never takes what a replay that goes on reads, and the oldest first where there are too many bytes', async () => {
  const runs = [await ended('orders/run-1', 90), await ended('orders/run-1~2', 80), await ended('orders/run-1~2.replay-1', 0, 'alive'), await ended('orders/run-3', 70), await ended('orders/run-4', 60)];
  await bound(runs, { max: 1000 });
  expect(await left()).toEqual(['run-1~2', 'run-1~2.replay-1', 'run-4']);
});

it('takes what is resolved before its time', async () => {
  const runs = [await ended('orders/run-1', 30), await ended('orders/run-1.replay-1', 30), await ended('orders/run-2', 30)];
  await bound(runs, {}, ['orders/run-1', 'orders/run-1.replay-1']);
  expect(await left()).toEqual(['run-2']);
});
