import { judgeBatch, tableProblems, type BatchProof } from '../domain/audit';
import type { Control } from '../domain/control';
import { BalanceError, EtlError } from '../domain/errors';
import { runPath, type RunRef } from '../domain/ids';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { proofDocumentOf, type StreamProof } from '../domain/stream-proof';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';
import { hashOf } from './receipt-chain';
import { batchesOf, partitionBatches } from './references';

/**
 * Rows up to which a run's end asks the destination for fingerprints too: a second in Postgres, where all rows of a large load would cost a third
 * of it again. Beyond it, counts; `proof: full` and `verify` ask for all (docs/proof.md).
 */
const comparedRows = 200_000;

/** Records the stream's proof and compares the destination with it: each batch's count, and fingerprints of the batches that are compared. */
export async function proveStream(dependencies: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, stream: StreamSpec, plan: Plan): Promise<StreamProof> {
  const { spec, connectionsFile } = await artefacts.run(run);
  const document = await artefacts.proof.record(proofDocumentOf({
    plan, to: stream.to, pipelineHash: spec.hash, version: dependencies.version,
    parts: await partitionBatches(artefacts, run, stream.stream, plan), loaded: await batchesOf(artefacts, run, stream.stream, plan),
  }), run, stream.stream);
  const { compared, problem } = await compare(dependencies, control, connectionsFile, spec.destination, run, stream, plan, document.batches);
  return { level: document.level, fingerprint: document.fingerprint, leftOut: document.covers?.leftOut ?? [], planHash: plan.hash, hash: hashOf(document), compared, problem };
}

async function compare(dependencies: Dependencies, control: Control, connectionsFile: string, connection: string, run: RunRef, stream: StreamSpec, plan: Plan, batches: readonly BatchProof[]): Promise<Pick<StreamProof, 'compared' | 'problem'>> {
  const compared = plan.proof === null ? [] : stream.proof === 'full' ? batches : stream.lineage ? within(batches, comparedRows) : [];
  const chosen = new Set(compared);
  const counted = batches.filter((batch) => !chosen.has(batch));
  try {
    const destination = await dependencies.openDestination(connectionsFile, connection);
    try {
      if (!destination.verify) return { compared: 0, problem: `"${connection}" cannot be asked` };
      for (const [level, some] of [['rows', compared], ['counts', counted]] as const) {
        if (some.length === 0 && !(level === 'counts' && batches.length === 0)) continue;
        const audit = await destination.verify({ target: { run, stream }, batchIds: some.map(({ id }) => id), level, strangers: false }, control);
        const receipts = new Map(some.map((batch) => [batch.id, batch]));
        const judged = audit.batches.map((batch) => judgeBatch(receipts.get(batch.id)!, batch, runPath(run), level));
        const wrong = [...judged.filter(({ state }) => state === 'wrong').map(({ id, messages }) => `batch "${id}": ${messages.join('; ')}`), ...(audit.whole ? tableProblems(audit) : [])];
        if (wrong.length > 0) throw new BalanceError(`comparing "${stream.to}" with what was loaded: ${wrong.slice(0, 5).join('; ')}; what was published stays until it is settled: see "millrace verify ${run.workflowId}"`, { stream: stream.stream });
      }
      return { compared: compared.length, problem: null };
    } finally {
      await destination.close();
    }
  } catch (error) {
    // The rows are published and their ledger stands: a destination that cannot be asked just now does not undo that.
    if (!EtlError.is(error) || error instanceof BalanceError || control.signal.aborted) throw error;
    return { compared: 0, problem: error.message };
  }
}

/** Batches that fit, whichever they are: small ones between large ones too. */
function within(batches: readonly BatchProof[], most: number): readonly BatchProof[] {
  let left = most;
  return batches.filter(({ rows }) => {
    if (rows > left) return false;
    left -= rows;
    return true;
  });
}
