import { createHash } from 'node:crypto';
import { EtlError } from '../domain/errors';
import { pathTime, runPath, slug } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { RunSummary } from '../domain/receipt';
import type { StagingStore } from '../stores/staging';

/** A run that this staging knows nothing of. */
export class ReceiptUnknownError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'configuration';
}

/** The receipt of a run as a person names it: its id, with or without `~2`, in either way of writing the time; a pipeline's name means its last run. */
export async function findReceipt(staging: StagingStore, word: string): Promise<RunSummary> {
  const [pipeline = '', run] = word.split('/');
  const found: RunSummary[] = [];
  for (const folder of (await staging.list(slug(pipeline))).filter((key) => key.includes('/run-'))) {
    const text = await staging.read(`${folder}receipt.json`);
    if (text !== null) found.push(JSON.parse(text) as RunSummary);
  }
  const wanted = found.filter((receipt) => run === undefined || isRun(receipt, word)).sort((left, right) => (left.finishedAt < right.finishedAt ? 1 : -1));
  if (wanted[0]) return wanted[0];
  throw new ReceiptUnknownError(`looking for the receipt of "${word}": ${found.length > 0 ? `there is none; runs of "${pipeline}" that have one: ${found.slice(0, 5).map((one) => one.run.workflowId).join(', ')}` : `no run of "${pipeline}" has ended here; see "millrace status"`}`, { run: word });
}

function isRun({ run }: RunSummary, word: string): boolean {
  const path = runPath(run);
  return word === run.workflowId || word === path || pathTime(word) === path || pathTime(word) === path.replace(/~\d+$/, '') && !word.includes('~');
}

/** Receipts are chained by hash and never change: what no longer fits was changed. */
export async function receiptProblems(staging: StagingStore, receipt: RunSummary): Promise<readonly string[]> {
  const { hash, ...content } = receipt;
  const problems: string[] = [];
  if (createHash('sha256').update(canonicalJson(content)).digest('hex') !== hash) problems.push('the receipt was changed: its hash is not that of its content');
  const links = await staging.list(`${slug(receipt.run.pipeline)}/chain`);
  const hashes: string[] = [];
  for (const link of links) hashes.push((JSON.parse((await staging.read(link))!) as { hash: string }).hash);
  const at = hashes.indexOf(hash);
  if (at < 0) problems.push('the pipeline\'s chain of receipts does not have it');
  else if ((hashes[at - 1] ?? null) !== receipt.previous) problems.push('the receipt before it in the chain is another one');
  return problems;
}
