import { createHash } from 'node:crypto';
import { judgeBatch, tableProblems, type BatchProof } from '../domain/audit';
import type { Control } from '../domain/control';
import { BalanceError, EtlError } from '../domain/errors';
import { runPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { proofDocumentOf, type StreamProof } from '../domain/stream-proof';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';
import { batchesOf, partitionBatches } from './references';

/** Rows up to which a run's end asks the destination for fingerprints too: seconds in Postgres. Beyond it, counts; `verify` asks for all. */
const comparedRows = 200_000;

/** Records the stream's proof and compares the destination with it: each batch's count, and fingerprints of the first batches. */
export async function proveStream(dependencies: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, stream: StreamSpec, plan: Plan): Promise<StreamProof> {
  const { spec, connectionsFile } = await artefacts.run(run);
  const document = await artefacts.proof.record(proofDocumentOf({
    plan, to: stream.to, pipelineHash: spec.hash, version: dependencies.version,
    parts: await partitionBatches(artefacts, run, stream.stream, plan), loaded: await batchesOf(artefacts, run, stream.stream, plan),
  }), run, stream.stream);
  const { compared, problem } = await compare(dependencies, control, connectionsFile, spec.destination, run, stream, document.batches);
  return { level: document.level, fingerprint: document.fingerprint, leftOut: document.covers?.leftOut ?? [], planHash: plan.hash, hash: proofHash(document), compared, problem };
}

export const proofHash = (document: object): string => createHash('sha256').update(canonicalJson(document)).digest('hex');

async function compare(dependencies: Dependencies, control: Control, connectionsFile: string, connection: string, run: RunRef, stream: StreamSpec, batches: readonly BatchProof[]): Promise<Pick<StreamProof, 'compared' | 'problem'>> {
  const small = within(batches, comparedRows);
  try {
    const destination = await dependencies.openDestination(connectionsFile, connection);
    try {
      if (!destination.verify) return { compared: 0, problem: `"${connection}" cannot be asked` };
      for (const [level, some] of [['rows', small], ['counts', batches.slice(small.length)]] as const) {
        if (some.length === 0 && !(level === 'rows' && batches.length === 0)) continue;
        const audit = await destination.verify({ target: { run, stream }, batchIds: some.map(({ id }) => id), level, strangers: false }, control);
        const receipts = new Map(some.map((batch) => [batch.id, batch]));
        const judged = audit.batches.map((batch) => judgeBatch(receipts.get(batch.id)!, batch, runPath(run), level));
        const wrong = [...judged.filter(({ state }) => state === 'wrong').map(({ id, messages }) => `batch "${id}": ${messages.join('; ')}`), ...(level === 'rows' && audit.whole ? tableProblems(audit) : [])];
        if (wrong.length > 0) throw new BalanceError(`comparing "${stream.to}" with what was loaded: ${wrong.slice(0, 5).join('; ')}; what was published stays until it is settled: see "millrace verify ${run.workflowId}"`, { stream: stream.stream });
      }
      return { compared: small.length, problem: null };
    } finally {
      await destination.close();
    }
  } catch (error) {
    // The rows are published and their ledger stands: a destination that cannot be asked just now does not undo that.
    if (!EtlError.is(error) || error instanceof BalanceError || control.signal.aborted) throw error;
    return { compared: 0, problem: error.message };
  }
}

function within(batches: readonly BatchProof[], most: number): readonly BatchProof[] {
  let rows = 0;
  const first = batches.findIndex((batch) => (rows += batch.rows) > most);
  return first < 0 ? batches : batches.slice(0, first);
}
