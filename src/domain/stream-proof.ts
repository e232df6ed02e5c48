import type { BatchProof } from './audit';
import type { Batch } from './batch';
import type { ColumnFigures, ProofPlan } from './fingerprint';
import { addFingerprints } from './fingerprint';
import type { Plan } from './plan';
import type { Position, Window } from './position';
import { sumColumns } from './sum-figures';

/** `<stream>/proof.json`: what a published stream of a run read and loaded, batch by batch. Its hash is in the receipt, so it never changes. */
export interface ProofDocument {
  readonly stream: string;
  readonly to: string;
  readonly level: 'rows' | 'counts';
  readonly planHash: string;
  readonly pipelineHash: string;
  readonly version: string;
  readonly window: Window | null;
  /** Where the next run starts. */
  readonly position: Position;
  /** What the fingerprints cover; null: `proof: counts`. */
  readonly covers: ProofPlan | null;
  readonly batches: readonly BatchProof[];
  /** Of partitions whose rows a step then took as a whole stream; empty where batches are partitions. */
  readonly parts: readonly Omit<BatchProof, 'fingerprint' | 'columns'>[];
  readonly rows: number;
  readonly fingerprint: string | null;
  readonly columns: readonly ColumnFigures[];
}

/** What the receipt says of it. */
export interface StreamProof {
  readonly level: 'rows' | 'counts';
  /** Of all rows that were loaded; null: `proof: counts`. */
  readonly fingerprint: string | null;
  readonly leftOut: ProofPlan['leftOut'];
  readonly planHash: string;
  /** sha256 of the proof document. */
  readonly hash: string;
  /** Batches whose fingerprint the destination was asked for when the run ended; their counts it was asked for in any case. */
  readonly compared: number;
  /** Why the destination could not be asked; null: it was. */
  readonly problem: string | null;
}

interface ProofRequest {
  readonly plan: Plan;
  readonly to: string;
  readonly pipelineHash: string;
  readonly version: string;
  /** Batches of partitions, and those that were loaded: the same unless a step needed the whole stream. */
  readonly parts: readonly Batch[];
  readonly loaded: readonly Batch[];
}

export function proofDocumentOf({ plan, to, pipelineHash, version, parts, loaded }: ProofRequest): ProofDocument {
  const label = ({ id }: Batch) => plan.partitions.find(({ ordinal }) => ordinal === ordinalOf(id))?.label ?? '';
  const batches = loaded.map((batch): BatchProof => ({ ...countsOf(batch, plan.wholeStream ? 'all' : label(batch)), fingerprint: batch.proof?.fingerprint ?? null, columns: batch.proof?.columns ?? [] }));
  return {
    stream: plan.stream, to, level: plan.proof ? 'rows' : 'counts', planHash: plan.hash, pipelineHash, version,
    window: plan.window, position: plan.position, covers: plan.proof, batches,
    parts: plan.wholeStream ? parts.map((batch) => countsOf(batch, label(batch))) : [],
    rows: batches.reduce((sum, { rows }) => sum + rows, 0),
    fingerprint: plan.proof ? batches.reduce((sum, { fingerprint }) => addFingerprints(sum, fingerprint ?? '0'), '0') : null,
    columns: sumColumns(plan.proof?.columns ?? [], loaded.map(({ proof }) => proof?.columns ?? [])),
  };
}

/** `…/0007/00`, `…/0007~2/00` → 7. */
export const ordinalOf = (batchId: string): number => Number.parseInt(batchId.split('/').at(-2)!, 10);

function countsOf({ id, read, rows, checksum, lines }: Batch, position: string): Omit<BatchProof, 'fingerprint' | 'columns'> {
  const sum = (term: 'created' | 'rejected' | 'filtered' | 'deduplicated' | 'aggregated') => lines.reduce((total, line) => total + line[term], 0);
  return { id, position, read, created: sum('created'), rejected: sum('rejected'), filtered: sum('filtered'), deduplicated: sum('deduplicated'), aggregated: sum('aggregated'), rows, checksum };
}
