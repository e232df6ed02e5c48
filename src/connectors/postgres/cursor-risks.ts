import type { SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import type { Cursor } from './cursor';

export const standbyNote = 'this server is a standby, which does not show the open transactions of its primary: give incremental streams a lookback longer than the longest transaction';

/** What waiting for open transactions does not protect from, so that a row may be missed without `lookback` (semantics 4). */
export async function unprotectedBy(connection: PostgresConnection, table: SourceTable, cursor: Cursor): Promise<readonly string[]> {
  const { standby } = await connection.row('SELECT pg_is_in_recovery()::text AS standby');
  return [...(standby === 'true' ? [standbyNote] : []), ...await sequenceCache(connection, table, cursor)];
}

/** Sessions take numbers ahead from such a sequence, so a smaller one may be written after a bigger one was read. */
async function sequenceCache(connection: PostgresConnection, table: SourceTable, { name, family }: Cursor): Promise<readonly string[]> {
  if (family !== 'integer' || (table.kind !== 'r' && table.kind !== 'p')) return [];
  const [cached] = await connection.rows('SELECT seqcache::text AS cache FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence($1, $2)::regclass AND seqcache > 1', [table.from, name]);
  return cached ? [`the sequence of cursor "${name}" hands out ${cached['cache']} numbers at a time, so rows may appear below those already read: give the stream a lookback, or set CACHE 1`] : [];
}
