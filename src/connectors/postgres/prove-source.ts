import { fingerprintSql, type PlacedColumn, type ProofColumn } from '../../domain/fingerprint';
import type { Plan } from '../../domain/plan';
import type { SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { quoteIdentifier } from './quote';

/** Counts rows of the source and, where they were loaded as they are, takes their fingerprint in the form that the destination has. */
export async function proveRows(connection: PostgresConnection, table: SourceTable, plan: Plan, from: string, columns: readonly ProofColumn[] | null): Promise<{ readonly rows: number; readonly fingerprint: string | null }> {
  const row = await connection.row(`SELECT count(*)::text AS rows, ${columns ? `${fingerprintSql('postgres', columns.map((column) => inSource(column, table, plan)))}::text` : 'NULL'} AS fingerprint FROM ${from}`);
  return { rows: Number(row['rows']), fingerprint: row['fingerprint'] ?? null };
}

function inSource(column: ProofColumn, table: SourceTable, plan: Plan): PlacedColumn {
  const name = plan.columns[plan.names.indexOf(column.name)]!.name;
  return { ...column, sql: quoteIdentifier(name), type: table.types[name]! };
}
