import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { QuarantineFile } from '../../domain/batch';
import { positionColumn } from '../../domain/column';
import { scratchFile } from '../../formats/records';
import { quoteLiteral as quoteDuck } from '../../transforms/quote';
import { copyOut } from './copy-out';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Write } from './write';

interface Aside {
  /** Relation with the stream's columns and the position column. */
  readonly from: string;
  /** SQL over it: the reasons of a row, as a JSON list of { column, reason }. */
  readonly reasons: string;
  readonly rows: number;
  /** SQL for the position in the source; absent: the staged rows carry it. */
  readonly position?: string;
}

/** Rows that only the target shows to be wrong, into a quarantine file: COPY writes CSV, DuckDB makes it Parquet. */
export async function setAside({ connection, config, context, control, request, names }: Write, { from, reasons, rows, position = positionColumn }: Aside): Promise<readonly QuarantineFile[]> {
  if (rows === 0) return [];
  const columns = request.plan.target.map(({ name }) => name);
  const raw = `json_object(ARRAY[${columns.map(quoteLiteral).join(', ')}]::text[], ARRAY[${columns.map((name) => `${quoteIdentifier(name)}::text`).join(', ')}]::text[])`;
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-aside-'));
  try {
    const csv = path.join(folder, 'rows.csv');
    await copyOut(connection, config, `COPY (SELECT ${position} AS position, ${reasons} AS reasons, ${raw} AS raw FROM ${from} ORDER BY 1) TO STDOUT (FORMAT csv, NULL '\\N', ENCODING 'UTF8', FORCE_QUOTE (reasons, raw))`, csv, control, 'destination');
    const place = await request.quarantine.create();
    await context.engine.session(control.signal, (session) => session.run(
      `COPY (SELECT position, 'publish' AS step, reasons, raw, ${quoteDuck(names.label)} AS origin, CAST(NULL AS BIGINT) AS line, true AS derived FROM ` +
      `${scratchFile(csv, { position: 'BIGINT', reasons: 'VARCHAR', raw: 'VARCHAR' })}) TO ${quoteDuck(place.path)} (FORMAT parquet, COMPRESSION zstd)`));
    return [await request.quarantine.seal(place.key, rows)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
