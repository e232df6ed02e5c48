import type { Control } from '../domain/control';
import { EtlError } from '../domain/errors';
import type { ProofColumn } from '../domain/fingerprint';
import type { RunRef } from '../domain/ids';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { ordinalOf, type ProofDocument } from '../domain/stream-proof';
import { mostFindings, type VerifiedSource } from '../domain/verify-report';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';

/** Asks the source again for each slice of the plan: its number of rows, and their fingerprint where nothing was done to them on the way. */
export async function verifySource(dependencies: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, stream: StreamSpec, document: ProofDocument): Promise<VerifiedSource> {
  const { spec, connectionsFile } = await artefacts.run(run);
  const plan = await artefacts.plan.find(run, stream.stream);
  if (!plan) return { state: 'not_asked', messages: ['the plan is gone from staging'] };
  try {
    const source = await dependencies.openSource(connectionsFile, spec.source);
    try {
      if (!source.prove) return { state: 'not_asked', messages: [`"${spec.source}" cannot be asked again for what it gave`] };
      const differing: string[] = [];
      for (const partition of plan.partitions) {
        const proof = coveredIn(document, stream, plan);
        const there = await source.prove({ stream, plan, partition, columns: proof }, control);
        const message = compare(document, partition.ordinal, there, proof !== null);
        if (message) differing.push(`${partition.label}: ${message}`);
      }
      const counted = coveredIn(document, stream, plan) === null ? ['only numbers of rows were compared with the source: steps or rejects stand between its rows and those that were loaded'] : [];
      return differing.length > 0 ? { state: 'differs', messages: [...differing.slice(0, mostFindings), ...counted] } : { state: 'same', messages: counted };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!EtlError.is(error) || control.signal.aborted) throw error;
    return { state: 'not_asked', messages: [error.message] };
  }
}

/** Rows are comparable one by one only where they were loaded as they were read. */
const coveredIn = (document: ProofDocument, stream: StreamSpec, plan: Plan): readonly ProofColumn[] | null =>
  document.covers && stream.steps.length === 0 && plan.rules === undefined && !plan.wholeStream && document.batches.every(({ read, rows }) => read === rows) ? document.covers.columns : null;

function compare(document: ProofDocument, ordinal: number, there: { readonly rows: number; readonly fingerprint: string | null }, byRow: boolean): string | null {
  const batch = [...document.parts, ...document.batches].find(({ id }) => ordinalOf(id) === ordinal);
  if (!batch) return null; // skipped: a gap, shown as such
  if (there.rows !== batch.read) return `${there.rows} rows are there now, ${batch.read} were read`;
  return byRow && 'fingerprint' in batch && there.fingerprint !== batch.fingerprint ? 'rows are not what was read' : null;
}
