import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../domain/control';
import { StagingFullError } from '../domain/errors';
import type { PipelineSpec } from '../domain/pipeline';
import type { StagingStore } from '../stores/staging';

const lookEvery = 5000;
/** Other runs may end meanwhile and free what they hold; after that a person is asked. */
const patience = 60_000;

/** One measure for all extractions of a worker at a time: walking through staging costs a look at each file. */
const measured = new WeakMap<StagingStore, { readonly at: number; readonly bytes: Promise<number> }>();

/** Waits where staging holds `staging.max`, then holds the partition with the remedy: before the disk is full, not after (semantics 12). */
export async function waitForRoom(staging: StagingStore, { retention }: PipelineSpec, control: Control): Promise<void> {
  const max = retention?.staging.max ?? null;
  if (max === null) return;
  for (const deadline = Date.now() + patience; ; await sleep(lookEvery, undefined, { signal: control.signal })) {
    const used = await bytesOf(staging);
    if (used < max) return;
    if (Date.now() >= deadline) throw new StagingFullError(`extracting into staging: it holds ${used} bytes, staging.max allows ${max}; let other runs end, remove what ended ones left with "millrace clean", or raise staging.max, then "millrace resume RUN"`, { used, max });
  }
}

function bytesOf(staging: StagingStore): Promise<number> {
  const last = measured.get(staging);
  if (last && Date.now() - last.at < lookEvery) return last.bytes;
  const bytes = sumOf(staging);
  measured.set(staging, { at: Date.now(), bytes });
  return bytes;
}

async function sumOf(staging: StagingStore): Promise<number> {
  let bytes = 0;
  for await (const entry of staging.walk('')) bytes += entry.bytes;
  return bytes;
}
