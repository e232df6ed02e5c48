import { DestinationUnavailableError } from '../../domain/errors';
import type { PostgresConnection } from './connection';
import type { Names } from './system-tables';
import type { Write } from './write';

/** Keeps other writers out; replace locks readers out later, for the swap alone. */
export async function lockTarget(connection: PostgresConnection, names: Names, write: string): Promise<void> {
  try {
    await connection.run(`LOCK TABLE ${names.target} IN ${write === 'append' ? 'ROW EXCLUSIVE' : 'SHARE ROW EXCLUSIVE'} MODE`);
  } catch (error) {
    if (!isTimeout(error)) throw error;
    await connection.client.query('ROLLBACK').catch(() => undefined);
    throw await lockedBy(connection, names);
  }
}

/** Each wait holds new readers up for the lock timeout at most; between two they get their turn. */
const attempts = 12;

/** Readers out. What the transaction has done so far is not lost while a long query is waited for. */
export async function lockForSwap({ connection, names, control }: Write): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    control.signal.throwIfAborted();
    await connection.run('SAVEPOINT swap');
    try {
      await connection.run(`LOCK TABLE ${names.target} IN ACCESS EXCLUSIVE MODE`);
      return;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      await connection.run('ROLLBACK TO SAVEPOINT swap');
      if (attempt === attempts) throw await lockedBy(connection, names);
    }
  }
}

const isTimeout = (error: unknown): boolean => /lock timeout/.test(String(error));

async function lockedBy(connection: PostgresConnection, names: Names): Promise<DestinationUnavailableError> {
  const holders = await connection.rows('SELECT DISTINCT l.pid::text, a.application_name AS name FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.relation = to_regclass($1) AND l.granted AND l.pid <> pg_backend_pid()', [names.target]);
  return new DestinationUnavailableError(`publishing to "${names.label}": it is locked by ${holders.map((row) => `process ${row['pid']} (${row['name'] || 'no name'})`).join(', ') || 'another session'}; it is tried again`, { target: names.label });
}
