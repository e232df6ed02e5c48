import { runPath } from '../domain/ids';
import type { RunSummary } from '../domain/receipt';
import { mostFindings, type VerifiedRun, type VerifyReport } from '../domain/verify-report';
import { openArtefacts } from './artefacts';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { findReceipt } from './find-receipt';
import { receiptProblems } from './receipt-chain';
import type { VerifyRunInput } from './seeing-contract';
import { verifyStream, type Verdicts } from './verify-stream';

/**
 * Compares receipt, ledger and rows of a run that has ended, or by a pipeline's name of all its runs that rows are still of: the last one may have
 * found all rows there and own none. Reads no workflow history and changes nothing.
 */
export const createVerifyRun = (dependencies: Dependencies) => async ({ word, source }: VerifyRunInput): Promise<VerifyReport> =>
  withControl(dependencies.reached, async (control) => {
    const { receipt, byName, all } = await findReceipt(dependencies.staging, word);
    const problems = [...await receiptProblems(dependencies.staging, receipt)];
    const look = { dependencies, artefacts: openArtefacts(dependencies.staging), control, source, problems, all };
    const receipts = byName ? all : [receipt];
    const verdicts = new Map<string, Verdicts>();
    for (const stream of new Set(receipts.flatMap(({ streams }) => streams.map((one) => one.stream)))) verdicts.set(stream, await verifyStream(look, stream, receipts, byName));
    const [head, ...others] = receipts.map((one) => verifiedRun(one, verdicts));
    return { ...head!, receiptProblems: problems, ...worthTelling(others), ok: problems.length === 0 && [head!, ...others].every(isRight) };
  });

const verifiedRun = (receipt: RunSummary, verdicts: ReadonlyMap<string, Verdicts>): VerifiedRun => ({
  run: runPath(receipt.run), workflowId: receipt.run.workflowId, finishedAt: receipt.finishedAt,
  streams: receipt.streams.flatMap(({ stream }) => verdicts.get(stream)?.get(receipt) ?? []),
});

const isRight = ({ streams }: VerifiedRun): boolean => streams.every(({ state, source }) => state !== 'wrong' && source?.state !== 'differs');

/** Of earlier runs: those that rows are still of, and those that something is wrong with, these before others where there are too many. */
function worthTelling(runs: readonly VerifiedRun[]): Pick<VerifyReport, 'earlier' | 'further'> {
  const telling = runs.map((run) => ({ ...run, streams: run.streams.filter(({ state, left }) => state === 'wrong' || state === 'settled' || left > 0) })).filter(({ streams }) => streams.length > 0);
  const first = [...telling.filter((run) => !isRight(run)), ...telling.filter(isRight)].slice(0, mostFindings);
  return { earlier: telling.filter((run) => first.includes(run)), further: telling.length - first.length };
}
