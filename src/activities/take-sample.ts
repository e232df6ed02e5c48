import type { Sample } from '../connectors/connector';
import { systemPrefix } from '../domain/column';
import type { Control } from '../domain/control';
import { readWhole, type StreamSpec } from '../domain/pipeline';
import type { Position } from '../domain/position';
import { formatNamed } from '../formats/registry';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { ReferenceRelation } from '../transforms/run-chain';
import type { TableReference } from '../transforms/step';
import type { Dependencies } from './dependencies';
import { planToRead } from './pin-references';

interface Looking {
  readonly dependencies: Pick<Dependencies, 'openSource' | 'staging'>;
  readonly connectionsFile: string;
  /** Folder in staging; the caller sweeps it. */
  readonly home: string;
  readonly control: Control;
}

interface SampleOf extends Looking {
  readonly connection: string;
  readonly stream: StreamSpec;
  readonly rows: number;
  readonly position: Position | null;
}

/** Rows of a stream for people who look: as the source samples it, else its first partition. */
export async function sampleOf({ dependencies: { openSource, staging }, connectionsFile, connection, stream, rows, position, home, control }: SampleOf): Promise<Sample> {
  const create = (extension: string) => staging.create(home, extension);
  const source = await openSource(connectionsFile, connection);
  try {
    if (source.sample) return await source.sample({ stream, rows, position }, { create }, control);
    const plan = await source.plan({ stream: { ...stream, settle: 0 }, position: stream.mode === 'full' ? null : position, files: [], logicalDate: `${new Date().toISOString().slice(0, 19)}Z` }, control);
    const partition = plan.partitions[0];
    const files = partition ? await source.read({ stream, plan: planToRead(plan, stream.stream), partition }, { create, seal: async (key, facts) => ({ ...(await staging.seal(key)), ...facts }) }, control) : [];
    return { columns: plan.columns, files: await Promise.all(files.map(async (file) => ({ path: await staging.fetch(file), format: file.format, origin: file.origin }))) };
  } finally {
    await source.close();
  }
}

/** Rows of a table that is looked into: most that a preview reads of it. */
export const tableSample = 50_000;

export const sampleTable = (looking: Looking, { connection, table }: TableReference, rows = tableSample): Promise<Sample> =>
  sampleOf({ ...looking, connection, stream: readWhole(table), rows, position: null });

/** A sample as a relation, under the columns' own names. */
export async function openSample(session: Session, relation: string, { columns, files }: Sample): Promise<ReferenceRelation> {
  const shown = columns.filter(({ name }) => !name.startsWith(systemPrefix));
  const parts: string[] = [];
  for (const [index, { path, format }] of files.entries()) {
    const part = `${relation}_${index}`;
    await formatNamed(format.name).read(session, format.options, { path, columns, relation: part, ordinals: false, rejects: `${part}_rejects` });
    parts.push(`SELECT ${shown.map(({ name }) => quoteIdentifier(name)).join(', ')} FROM ${quoteIdentifier(part)}`);
  }
  const nothing = `SELECT ${shown.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`).join(', ')} WHERE false`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS ${parts.length > 0 ? parts.join(' UNION ALL ') : nothing}`);
  return { relation, columns: shown };
}
