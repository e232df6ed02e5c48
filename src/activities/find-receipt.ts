import { EtlError } from '../domain/errors';
import type { RunSummary } from '../domain/receipt';
import { isNamed, listReceipts } from '../stores/runs';
import type { StagingStore } from '../stores/staging';

/** A run that this staging knows nothing of. */
export class ReceiptUnknownError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'configuration';
}

export interface FoundReceipt {
  readonly receipt: RunSummary;
  /** Of a pipeline's name, not of one run. */
  readonly byName: boolean;
  /** All of the pipeline, newest first. */
  readonly all: readonly RunSummary[];
}

/** The receipt of a run as a person names it: its id, with or without `~2`, in either way of writing the time; a pipeline's name means its last run. */
export async function findReceipt(staging: StagingStore, word: string): Promise<FoundReceipt> {
  const [pipeline = '', run] = word.split('/');
  const found = await listReceipts(staging, pipeline);
  const named = found.filter((receipt) => run === undefined || isNamed(receipt.run, word));
  // Names that differ in case or hyphens alone share a folder.
  const wanted = named.find((receipt) => receipt.run.pipeline === pipeline) ?? named[0];
  if (wanted) return { receipt: wanted, byName: run === undefined, all: found.filter((receipt) => receipt.run.pipeline === wanted.run.pipeline) };
  throw new ReceiptUnknownError(`looking for the receipt of "${word}": ${found.length > 0 ? `there is none; runs of "${pipeline}" that have one: ${found.slice(0, 5).map((one) => one.run.workflowId).join(', ')}` : `no run of "${pipeline}" has ended here; see "millrace status"`}`, { run: word });
}
