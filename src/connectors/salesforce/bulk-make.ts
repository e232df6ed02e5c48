import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SourceHeldError, SourceThrottledError } from '../../domain/errors';
import { homeOf, isGone, jobFrom, orderOf, pathOf, type BulkRequest, type Intent, type Job, type JobInfo, type Outcome } from './bulk-job';
import { findLostJob } from './bulk-lost';
import { stateOnly, type Journal } from './journal';
import type { Org } from './org';
import { operationOf, soqlOf } from './soql';

/** Polled for here; then as a timer of the run, which costs no worker. */
const patience = 10_000;
const [shortest, longest] = [1_000, 60_000];

/** The job of this reading: recorded, or found again after its answer was lost, or made. */
export async function jobOf(request: BulkRequest, journal: Journal): Promise<Job> {
  const { page, known } = await journal.next(async () => {
    await request.org.allow(request.signal, true);
    return stateOnly({ kind: 'intent', nonce: randomUUID(), at: Date.now() } satisfies Intent);
  });
  const intent = page.state as unknown as Intent;
  const made: Job[] = [];
  const entry = await journal.next(async () => {
    const job = (known ? await findLostJob(request, intent) : null) ?? await createJob(request, intent);
    made.push(job);
    return stateOnly(job);
  });
  const job = entry.page.state as unknown as Job;
  // Where another attempt was first, one of two jobs is nobody's.
  for (const own of made.filter(({ id }) => id !== job.id)) await deleteJob(request.org, own);
  return job;
}

async function createJob({ org, stream, plan, signal }: BulkRequest, intent: Intent): Promise<Job> {
  const order = orderOf(intent, plan);
  const body = JSON.stringify({ operation: operationOf(stream), query: soqlOf(stream, order, plan.window), contentType: 'CSV', columnDelimiter: 'COMMA', lineEnding: 'LF' });
  return jobFrom(await org.ask<JobInfo>('jobs/query', signal, { method: 'POST', body, headers: { 'content-type': 'application/json' } }), homeOf(org), order);
}

/** Waits until Salesforce is done with a job; throws SourceThrottledError where that takes longer than some seconds. */
export async function outcomeOf({ org, signal }: BulkRequest, job: Job): Promise<Outcome> {
  const until = Date.now() + patience;
  for (;;) {
    const info = await org.ask<JobInfo>(pathOf(job), signal).catch((error: unknown) => {
      if (isGone(error)) return null;
      throw error;
    });
    if (info === null) return { kind: 'ended', state: 'deleted' };
    if (info.state === 'JobComplete') return { kind: 'complete', records: info.numberRecordsProcessed ?? null };
    if (info.state === 'Failed' || info.state === 'Aborted') return { kind: 'ended', state: info.state.toLowerCase() };
    const wait = Math.round(Math.min(longest, Math.max(shortest, (Date.now() - job.at) / 4)));
    if (Date.now() + wait > until) throw new SourceThrottledError(`waiting for Salesforce's job ${job.id}: it is ${info.state}; the run goes on by itself`, wait);
    await sleep(wait, undefined, { signal });
  }
}

/** Says why there is nothing to read. The end is recorded, so that a resumed run makes a new job. */
export function endedError({ stream }: BulkRequest, { id }: Job, state: string): SourceHeldError {
  const remedy = state === 'failed' ? 'Setup → Bulk Data Load Jobs shows why (mostly a formula that fails, or a query that takes too long)' : 'find out who did it';
  return new SourceHeldError(`reading "${stream.stream}": Salesforce's job ${id} is ${state}; ${remedy}, then "millrace resume RUN", which makes a new job`, { code: `JOB_${state.toUpperCase()}` });
}

/** What is left goes by itself after seven days, so a failure to delete is none. */
export async function deleteJob(org: Org, job: Job): Promise<void> {
  await org.text(pathOf(job), AbortSignal.timeout(10_000), { method: 'DELETE' }).catch(() => undefined);
}
