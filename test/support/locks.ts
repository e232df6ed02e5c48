import type { TestDatabase } from './postgres';

/** Locks that a test holds in a database, until it calls what is returned. */
export async function lockIn(where: TestDatabase, sql: string): Promise<() => Promise<void>> {
  const connection = await where.again();
  await connection.run('BEGIN');
  await connection.run(sql);
  return async () => {
    await connection.run('ROLLBACK');
    await connection.close();
  };
}

/** No claim, load or publish gets past it. */
export const lockLedger = (where: TestDatabase) => lockIn(where, 'LOCK TABLE _millrace_checkpoints, _millrace_loads IN ACCESS EXCLUSIVE MODE');

/** A statement of a worker that waits for a lock. */
export const waitsForLock = async (where: TestDatabase): Promise<boolean> =>
  (await where.rows(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%' AND application_name <> 'millrace-test' AND wait_event_type = 'Lock'`)).length > 0;
