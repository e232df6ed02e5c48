import { compileRowChecks } from '../checks/row-checks';
import type { Column } from '../domain/column';
import { streamPath, type RunRef } from '../domain/ids';
import type { StagedFile } from '../domain/manifest';
import type { StreamSpec } from '../domain/pipeline';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import type { References } from '../transforms/run-chain';

interface SampleRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  readonly run: RunRef;
  readonly stream: StreamSpec;
  readonly columns: readonly Column[];
  readonly references: References;
}

/** Of each check. */
const most = 10;

/**
 * Some of the rows that fail a check which sets none aside, from the view `staged`: they go on or are not published, and a person wants to
 * see them. They lie in quarantine, bounded as all that is there, and count for nothing. Null: no row fails one.
 */
export async function sampleFailing({ session, staging, run, stream, columns, references }: SampleRequest): Promise<StagedFile | null> {
  const { counted } = compileRowChecks(stream.checks, columns, 'staged', references, true);
  if (counted.length === 0) return null;
  const values = columns.map(({ name }) => `${quoteLiteral(name)}, CAST(${quoteIdentifier(name)} AS VARCHAR)`).join(', ');
  await session.run('CREATE TEMP TABLE failing (check_index INTEGER, name VARCHAR, raw VARCHAR)');
  for (const { index, when } of counted) await session.run(`INSERT INTO failing SELECT ${index}, ${quoteLiteral(stream.checks[index]!.name)}, CAST(json_object(${values}) AS VARCHAR) FROM staged WHERE ${when} LIMIT ${most}`);
  if (Number((await session.row('SELECT count(*) AS n FROM failing'))['n']) === 0) return null;
  const { key, path } = await staging.create(`quarantine/${streamPath(run, stream.stream)}/failing`, 'parquet');
  await session.run(`COPY (SELECT * FROM failing ORDER BY check_index) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  return staging.seal(key);
}
