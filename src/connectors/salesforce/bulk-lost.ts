import { SourceThrottledError } from '../../domain/errors';
import { headerOf, homeOf, jobFrom, orderOf, pathOf, takingCsv, type BulkRequest, type Intent, type Job, type JobInfo } from './bulk-job';
import { operationOf } from './soql';

interface Listed { readonly done: boolean; readonly records: readonly JobInfo[]; readonly nextRecordsUrl: string | null }

/** Clocks of worker and org may differ by so much. */
const skew = 600_000;
/** A job that might be the lost one is waited for so long; then another one is made, and the lost one goes with its week. */
const waitsFor = 600_000;
const asksAgain = 10_000;
/** Orders of fewer fields are too few to tell one job from another; ten have 3.6 million. */
const tellingFields = 10;

/**
 * A job whose making was never answered. The list of jobs does not tell their queries, but a result has its fields in the order they were asked
 * for, and that order is drawn anew for each job. A job that is not certainly ours is left alone: reading it would bring somebody else's rows.
 */
export async function findLostJob(request: BulkRequest, intent: Intent): Promise<Job | null> {
  const { org, stream, plan, signal } = request;
  const order = orderOf(intent, plan);
  if (order.length < tellingFields) return null;
  const home = homeOf(org);
  for (const info of await candidates(request, intent)) {
    if (info.state === 'JobComplete') {
      const header = headerOf(await org.text(`${pathOf({ home, id: info.id })}/results?maxRecords=1`, signal, takingCsv), ',');
      if (header.join() === order.join()) return jobFrom(info, home, order);
    } else if (Date.now() - intent.at < waitsFor) {
      throw new SourceThrottledError(`reading "${stream.stream}": Salesforce's job ${info.id} may be the one whose answer was lost, and is not done yet; the run goes on by itself`, asksAgain);
    }
  }
  return null;
}

async function candidates({ org, stream, signal }: BulkRequest, { at }: Intent): Promise<readonly JobInfo[]> {
  const mayBe = (job: JobInfo): boolean => job.object === stream.stream && job.operation === operationOf(stream) && job.columnDelimiter === 'COMMA'
    && Number(job.apiVersion) === Number(org.config.api_version) && Date.parse(job.createdDate) >= at - skew && !['Failed', 'Aborted'].includes(job.state);
  const found: JobInfo[] = [];
  for (let where: string | null = 'jobs/query?jobType=V2Query'; where !== null;) {
    const { done, records, nextRecordsUrl }: Listed = await org.ask<Listed>(where, signal);
    found.push(...records.filter(mayBe));
    where = done ? null : nextRecordsUrl;
  }
  return found;
}
