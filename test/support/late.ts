import type { RunSummary } from '../../src/domain/receipt';
import { eventually } from './temporal';
import { activitiesEnded, attemptEnded, halted, install, said, summaryOf, type Installation, type KillAt, type Patch, type PlaceOptions } from './worker';

/** Runs on another queue and with other workers, but in the same home: so that nothing is handed to a worker that is halted. */
const beside = (place: Installation, connections: string, options: PlaceOptions): Promise<Installation> => install(connections, { ...options, home: place.home });

/**
 * The worker is halted at the point. Its run is ended for good, another worker and another run of the pipeline go ahead; then the
 * halted one wakes up and does what it was about to do. Returns the other run.
 */
export async function wakeUpLate(connections: string, yaml: string, point: KillAt, options: PlaceOptions = {}): Promise<{ readonly place: Installation; readonly summary: RunSummary; close(): Promise<void> }> {
  const place = await install(connections, options);
  const other = await beside(place, connections, options);
  const close = async () => { await other.close(); await place.close(); };
  try {
    const late = await place.startWorker(`${point}#1#SIGSTOP` as KillAt);
    other.prepareWorker();
    // One piece of work at a time: a worker that is halted while it connects elsewhere holds a transaction that nothing is known of.
    const first = await place.start(`${yaml}limits: { concurrency: 1 }\n`);
    await halted(late);
    await first.terminate('given up by the test');
    await ended(place, first.workflowId.split('/')[0]!);
    await other.startWorker();
    const second = await other.start(yaml);
    let over = false;
    const end = summaryOf(second).finally(() => { over = true; });
    // Where the halted attempt holds a lock, the other run can only wait for it.
    await eventually(async () => over || retried(other, second.workflowId), 'the other run to end or to wait for the halted one', 120);
    const idle = activitiesEnded(late);
    late.kill('SIGCONT');
    await idle;
    return { place: other, summary: await end, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The lock of a terminated run goes with it, but not in the same instant. */
export const ended = (place: Installation, workflowId: string): Promise<boolean> =>
  eventually(async () => (await place.client.workflow.getHandle(workflowId).describe()).status.name !== 'RUNNING', `"${workflowId}" to end`);

const retried = async (place: Installation, workflowId: string): Promise<boolean> => {
  const { raw } = await place.client.workflow.getHandle(`${workflowId}/orders`).describe().catch(() => ({ raw: null }));
  return raw?.pendingActivities?.some(({ lastFailure }) => lastFailure) ?? false;
};

/**
 * Two attempts of one activity in one run: the first falls silent at the point, so that it is taken for dead, and goes on when the
 * second has done everything. `meanwhile`: while the first is silent.
 */
export async function twoAttempts(connections: string, yaml: string, { file, point, patches = [], meanwhile }: { readonly file: string; readonly point: string; readonly patches?: readonly Patch[]; meanwhile?(): Promise<unknown> }): Promise<{ readonly place: Installation; readonly summary: RunSummary }> {
  const silent: readonly Patch[] = [
    { file, find: `control.reached('${point}');`, put: `if (!globalThis.slow) { globalThis.slow = true; process.stdout.write('{"slow":true}\\n'); await new Promise((go) => process.once('SIGHUP', go)); }` },
    { file: 'activities/control.js', find: '() => context.heartbeat(beat)', put: '() => { if (context.info.attempt > 1) context.heartbeat(beat); }' },
  ];
  const place = await install(connections, { patches: [...silent, ...patches] });
  try {
    const worker = await place.startWorker();
    const slow = said(worker, '"slow"');
    const handle = await place.start(yaml);
    await slow;
    await meanwhile?.();
    await attemptEnded(worker, 'checkStream');
    worker.kill('SIGHUP');
    return { place, summary: await summaryOf(handle) };
  } catch (error) {
    await place.close();
    throw error;
  }
}
