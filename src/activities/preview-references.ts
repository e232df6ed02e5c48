import type { Column } from '../domain/column';
import { referencedStreams, type StreamSpec } from '../domain/pipeline';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { References, ReferenceRelation } from '../transforms/run-chain';
import { openFile, referencesOf } from './references';

/** Streams that others refer to come first; a cycle has been refused by the parser. */
export function inReferenceOrder(streams: readonly StreamSpec[]): readonly StreamSpec[] {
  const ordered: StreamSpec[] = [];
  const visit = (stream: StreamSpec): void => {
    if (ordered.includes(stream)) return;
    for (const name of referencedStreams(stream)) {
      const other = streams.find((one) => one.stream === name);
      if (other) visit(other);
    }
    ordered.push(stream);
  };
  streams.forEach(visit);
  return ordered;
}

/** The relations that a stream's steps read besides its own rows; `streamRelation` gives those of other streams. */
export async function gatherReferences(session: Session, stream: StreamSpec, connectionsFile: string, streamRelation: (name: string, relation: string) => Promise<ReferenceRelation>, prefix = ''): Promise<References> {
  const found: Record<number, Record<string, ReferenceRelation>> = {};
  for (const { ordinal, references } of referencesOf(stream)) {
    for (const [key, reference] of Object.entries(references)) {
      const relation = `${prefix}reference_${ordinal}_${key}`;
      (found[ordinal] ??= {})[key] = 'stream' in reference
        ? await streamRelation(reference.stream, relation)
        : { relation, columns: await openFile({ session, connectionsFile }, relation, reference.file) };
    }
  }
  return found;
}

/** Without rows: enough to tell the columns after the steps. */
export const describeReferences = (session: Session, stream: StreamSpec, connectionsFile: string, known: ReadonlyMap<string, readonly Column[]>): Promise<References> =>
  gatherReferences(session, stream, connectionsFile, async (name, relation) => {
    const columns = known.get(name) ?? [];
    const nothing = columns.length === 0 ? ['1 AS nothing'] : columns.map((column) => `CAST(NULL AS ${column.type}) AS ${quoteIdentifier(column.name)}`);
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${nothing.join(', ')} WHERE false`);
    return { relation, columns };
  });
