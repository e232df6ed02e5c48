import type { Control } from '../../domain/control';
import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { NamedOptions } from '../../domain/pipeline';
import { formatNamed } from '../../formats/registry';
import type { LandedPage, Landing } from '../connector';
import { beginningOf } from '../rest/file-beginning';
import { again, headerOf, isGone, pathOf, takingCsv, type BulkRequest, type Job, type Outcome } from './bulk-job';
import { stateOnly } from './journal';

/** What is recorded of a result page. */
export interface Page { readonly kind: 'page'; readonly rows: number; readonly next: string | null }
/** Locators of pages that may be fetched side by side; null: the first page. */
export interface PageList { readonly kind: 'list'; readonly locators: readonly (string | null)[]; readonly next: string | null; readonly more: boolean }

export interface BulkReading extends BulkRequest { readonly landing: Landing; readonly control: Control }

interface Listed {
  readonly resultPages: readonly { readonly resultUrl: string }[];
  // The documentation's text and its example name it differently.
  readonly nextRecordsUrl?: string | null;
  readonly nextRecordUrl?: string | null;
  readonly done: boolean;
}

/** Up to five pages that Salesforce gives at once. */
export const listAt = (reading: BulkReading, job: Job, locator: string | null): Promise<LandedPage> => orEnded(locator === null, async () => {
  const { org, signal, stream } = reading;
  const { resultPages, nextRecordsUrl, nextRecordUrl, done } = await org.ask<Listed>(`${pathOf(job)}/resultPages${locator === null ? '' : `?locator=${encodeURIComponent(locator)}`}`, signal);
  const locatorIn = (address: string): string | null => new URL(address, org.base).searchParams.get('locator');
  const next = nextRecordsUrl ?? nextRecordUrl ?? null;
  const list: PageList = { kind: 'list', locators: resultPages.map(({ resultUrl }) => locatorIn(resultUrl)), next: next === null ? null : locatorIn(next), more: !done && next !== null };
  if (list.more && (list.next === null || list.next === locator)) throw new SourceHeldError(`reading "${stream.stream}": Salesforce names a list of pages that was read already; set "bulk_parallel: 1" in the connection, then "millrace retry RUN STREAM PARTITION --reread"`);
  return stateOnly(list);
});

/** @param sized whether pages are of our size: else of Salesforce's, as its list names them. */
export const pageAt = (reading: BulkReading, job: Job, locator: string | null, ordinal: number, sized: boolean): Promise<LandedPage> =>
  orEnded(sized && locator === null, () => fetchPage(reading, job, locator, ordinal, sized));

/** The first request after a job's end may find it deleted: then nothing of it is landed, and another job will do. */
async function orEnded(first: boolean, make: () => Promise<LandedPage>): Promise<LandedPage> {
  try {
    return await make();
  } catch (error) {
    if (!isGone(error)) throw error;
    if (first) return stateOnly({ kind: 'ended', state: 'deleted' } satisfies Outcome);
    throw new SourceHeldError(`reading a result of Salesforce: the job or the page is not there any more (a job is kept for seven days, and somebody may delete it before); ${again}`);
  }
}

async function fetchPage({ org, stream, landing, signal }: BulkReading, job: Job, locator: string | null, ordinal: number, sized: boolean): Promise<LandedPage> {
  await org.allow(signal);
  const place = await landing.create('csv');
  const params = new URLSearchParams({ ...(sized && { maxRecords: String(org.config.bulk_page) }), ...(locator !== null && { locator }) });
  const { headers, nothing } = await org.client.get(new URL(`${pathOf(job)}/results${params.size === 0 ? '' : `?${params.toString()}`}`, org.base).href, place.path, signal, takingCsv);
  const bad = (what: string): SourceUnavailableError => new SourceUnavailableError(`reading "${stream.stream}": Salesforce sent ${what} as page ${ordinal} of job ${job.id}; it is asked for again`);
  const type = headers.get('content-type') ?? 'something without a type';
  if (nothing || !/^text\/csv\b/i.test(type)) throw bad(nothing ? 'nothing' : type.split(';')[0]!);
  const format = csvFormat(job);
  const rows = await org.context.engine.session(signal, (session) => formatNamed('csv').count(session, place.path, format.options));
  const said = headers.get('sforce-numberofrecords');
  if (said !== null && Number(said) !== rows) throw bad(`${rows} of ${said} records`);
  const origin = `${stream.stream}, page ${ordinal}`;
  if (headerOf((await beginningOf(place.path, longestHeader)).toString('utf8'), job.delimiter).join() !== job.order.join()) throw new SourceHeldError(`reading "${stream.stream}": page ${ordinal} of job ${job.id} does not have the fields that were asked for, in their order; ${again}`);
  const next = headers.get('sforce-locator');
  const page: Page = { kind: 'page', rows, next: next === null || next === 'null' || next === '' ? null : next };
  return { ...stateOnly(page), files: rows === 0 ? [] : [await landing.seal(place.key, { rows, format, origin })] };
}

/** Salesforce quotes every value, and has no empty text. */
const csvFormat = ({ delimiter }: Job): NamedOptions => ({ name: 'csv', options: formatNamed('csv').optionsSchema.parse({ delimiter, quoted_nulls: true, encoding: 'utf-8', compression: 'none' }) as NamedOptions['options'] });

/** More than a query may be long. */
const longestHeader = 200_000;
