import type { QuarantineFile } from '../../domain/batch';
import { positionColumn } from '../../domain/column';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { Write } from './write';

interface Aside {
  /** Relation with the stream's columns. */
  readonly from: string;
  /** SQL conditions over it, of which one holds for each row, and what is wrong then. */
  readonly reasons: readonly { readonly when: string; readonly column: string; readonly reason: string }[];
  readonly rows: number;
  /** SQL for the position in the source; absent: the staged rows carry it. */
  readonly position?: string;
}

/** Rows that only the target shows to be wrong, into a quarantine file. */
export async function setAside({ session, request, names }: Write, { from, reasons, rows, position = positionColumn }: Aside): Promise<readonly QuarantineFile[]> {
  if (rows === 0) return [];
  const reason = reasons.map(({ when, ...fault }) => `WHEN ${when} THEN ${quoteLiteral(JSON.stringify([fault]))}`);
  const raw = request.plan.target.map(({ name }) => `${quoteLiteral(name)}, CAST(${quoteIdentifier(name)} AS VARCHAR)`);
  const place = await request.quarantine.create();
  await session.run(
    `COPY (SELECT ${position} AS position, 'publish' AS step, CASE ${reason.join(' ')} END AS reasons, CAST(json_object(${raw.join(', ')}) AS VARCHAR) AS raw, ` +
    `${quoteLiteral(names.label)} AS origin, CAST(NULL AS BIGINT) AS line, true AS derived FROM ${from} ORDER BY 1) TO ${quoteLiteral(place.path)} (FORMAT parquet, COMPRESSION zstd)`);
  return [await request.quarantine.seal(place.key, rows)];
}
