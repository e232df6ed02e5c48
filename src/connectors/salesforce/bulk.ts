import { Sema } from 'async-sema';
import { SourceHeldError } from '../../domain/errors';
import type { LandingFile } from '../../domain/manifest';
import { again, type Job, type Outcome } from './bulk-job';
import { deleteJob, endedError, jobOf, outcomeOf } from './bulk-make';
import { listAt, pageAt, type BulkReading, type Page, type PageList } from './bulk-page';
import { openJournal, stateOnly, type Entry, type Journal } from './journal';

/** All records of a query job, page by page, each page a landing file; goes on behind the last step that is recorded. */
export async function readBulk(reading: BulkReading): Promise<readonly LandingFile[]> {
  const journal = openJournal(reading.landing.pages);
  for (;;) {
    const job = await jobOf(reading, journal);
    const { page, known } = await journal.next(async () => stateOnly(await outcomeOf(reading, job)));
    const outcome = page.state as unknown as Outcome;
    const files = outcome.kind === 'complete' ? await filesOf(reading, journal, job, outcome.records) : null;
    if (files !== null) {
      await deleteJob(reading.org, job);
      return files;
    }
    // Told once; whoever comes after a person has said "go on" makes a new job.
    if (outcome.kind === 'ended' && !known) throw endedError(reading, job, outcome.state);
  }
}

/** Null: the job was found gone before its first page, and that was told. */
async function filesOf(reading: BulkReading, journal: Journal, job: Job, records: number | null): Promise<readonly LandingFile[] | null> {
  const { stream, org, control } = reading;
  const files: LandingFile[] = [];
  let rows = 0;
  if (records === 0) return files;
  for await (const { page, known } of (org.config.bulk_parallel > 1 ? besideEachOther : oneByOne)(reading, journal, job)) {
    const state = page.state as unknown as Page | Outcome;
    if (state.kind === 'ended') {
      if (known) return null;
      throw endedError(reading, job, state.state);
    }
    refuseTwice(reading, files, page.files);
    files.push(...page.files);
    control.progress({ rows: rows += (state as Page).rows });
  }
  if (records !== null && rows !== records) throw new SourceHeldError(`reading "${stream.stream}": Salesforce's job ${job.id} has ${records} records and its pages hold ${rows}; ${again}`);
  return files;
}

/** Every record has an id, so equal pages are one page given twice. */
function refuseTwice({ stream }: BulkReading, files: readonly LandingFile[], added: readonly LandingFile[]): void {
  const twice = added.find(({ checksum, bytes }) => checksum !== '' && files.some((file) => file.checksum === checksum && file.bytes === bytes));
  if (twice) throw new SourceHeldError(`reading "${stream.stream}": ${twice.origin} holds the same records as an earlier page; ${again}`);
}

async function* oneByOne(reading: BulkReading, journal: Journal, job: Job): AsyncGenerator<Entry> {
  const asked = new Set<string | null>();
  let locator: string | null = null;
  do {
    if (asked.has(locator)) throw new SourceHeldError(`reading "${reading.stream.stream}": Salesforce names a next page that was read already; ${again}`);
    const here: string | null = locator;
    asked.add(here);
    const entry: Entry = await journal.next(() => pageAt(reading, job, here, asked.size, true));
    yield entry;
    locator = (entry.page.state as unknown as Partial<Page>).next ?? null;
  } while (locator !== null);
}

async function* besideEachOther(reading: BulkReading, journal: Journal, job: Job): AsyncGenerator<Entry> {
  const slots = new Sema(reading.org.config.bulk_parallel);
  let ordinal = 1;
  for (let from: string | null = null, more = true; more;) {
    const here: string | null = from;
    const entry: Entry = await journal.next(() => listAt(reading, job, here));
    const list = entry.page.state as unknown as PageList | Outcome;
    if (list.kind !== 'list') {
      yield entry;
      return;
    }
    const [numbers, first] = [journal.reserve(list.locators.length), ordinal];
    ordinal += list.locators.length;
    // All of them end before one that failed is told, so that nothing goes on behind a failed attempt's back.
    const fetched = await Promise.allSettled(list.locators.map(async (locator, index) => {
      await slots.acquire();
      return await journal.at(numbers[index]!, () => pageAt(reading, job, locator, first + index, false)).finally(() => slots.release());
    }));
    for (const one of fetched) {
      if (one.status === 'rejected') throw one.reason;
      yield one.value;
    }
    [from, more] = [list.next, list.more];
  }
}
