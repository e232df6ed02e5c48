import { positionColumn, positionsPerPartition } from '../domain/column';
import { UnreadableValueError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import type { Plan } from '../domain/plan';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { Artefacts } from './artefacts';
import { openLanding } from './open-landing';
import { movedPartitions } from './references';

interface SourceRecords {
  readonly session: Session;
  readonly staging: StagingStore;
  readonly artefacts: Artefacts;
  readonly run: RunRef;
  readonly plan: Plan;
  /** Table made by `createRejects`, of rows that still have their position in the source. */
  readonly rejects: string;
}

type Origins = readonly { readonly base: string; readonly origin: string }[];

/**
 * The source's own records of rows that a step of the whole stream rejected, from the landing files: what a person mends and what a
 * replay starts from is the record as it came, not as earlier steps made it. Reads only partitions that have such rows.
 */
export async function openSourceRecords({ session, staging, artefacts, run, plan, rejects }: SourceRecords): Promise<{ readonly relation: string; readonly columns: readonly string[]; readonly origins: Origins }> {
  const relation = 'source_records';
  await session.run(`CREATE TEMP TABLE ${relation} (${[...plan.names.map((name) => `${quoteIdentifier(name)} VARCHAR`), `${quoteIdentifier(positionColumn)} BIGINT`].join(', ')})`);
  const parts = await session.rows(`SELECT DISTINCT position // ${positionsPerPartition} AS part FROM ${quoteIdentifier(rejects)} WHERE raw IS NULL ORDER BY part`);
  const moved = new Map((await movedPartitions(artefacts, run, plan.stream, plan)).map(({ ordinal, generation }) => [ordinal, generation]));
  const origins: Origins[number][] = [];
  for (const part of parts.map((row) => Number(row['part']))) {
    const { files } = await artefacts.manifest.read(run, plan.stream, part, moved.get(part));
    const read = async (careful: boolean): Promise<Origins> => {
      const into = `source_${part}${careful ? '_careful' : ''}`;
      const landed = await openLanding({ session, staging, plan, files, ordinal: part, positions: true, careful, into });
      await session.run(`INSERT INTO ${relation} SELECT ${[...plan.names.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`), quoteIdentifier(positionColumn)].join(', ')} FROM ${into} WHERE ${quoteIdentifier(positionColumn)} IN (SELECT position FROM ${quoteIdentifier(rejects)})`);
      return landed.origins;
    };
    origins.push(...await read(false).catch((error: unknown) => {
      if (!(error instanceof UnreadableValueError)) throw error;
      return read(true);
    }));
  }
  return { relation, columns: plan.names, origins };
}
