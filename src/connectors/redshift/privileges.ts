import { DestinationHeldError } from '../../domain/errors';
import type { Redshift } from './client';
import type { Names } from './names';
import { quoteIdentifier, quoteLiteral } from './quote';

const needed = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** A table that somebody else owns can be written with grants, and changed by its owner alone: said before anything is read. @param changes statements that need the owner. */
export async function refuseUnprivileged(redshift: Redshift, names: Names, changes: readonly string[]): Promise<void> {
  const grants = needed.map((privilege) => `CASE WHEN has_table_privilege(${quoteLiteral(names.target)}, '${privilege}') THEN 'yes' ELSE 'no' END AS ${privilege.toLowerCase()}`);
  const row = await redshift.row(`SELECT ${grants.join(', ')}, CAST(current_user AS VARCHAR) AS who`);
  const missing = needed.filter((privilege) => row[privilege.toLowerCase()] !== 'yes');
  const to = quoteIdentifier(row['who']!);
  if (missing.length > 0) throw new DestinationHeldError(`preparing "${names.label}": database user "${row['who']}" may not ${missing.join(', ')}: GRANT ${missing.join(', ')} ON ${names.target} TO ${to}, then "millrace resume RUN"`, { target: names.label });
  if (changes.length === 0) return;
  const [owner] = await redshift.rows(`SELECT CAST(tableowner AS VARCHAR) AS owner FROM pg_tables WHERE schemaname = ${quoteLiteral(names.schema)} AND tablename = ${quoteLiteral(names.table)} AND tableowner <> current_user AND NOT EXISTS (SELECT 1 FROM pg_user WHERE usename = current_user AND usesuper)`);
  if (owner) throw new DestinationHeldError(`preparing "${names.label}": it belongs to "${owner['owner']}", who alone can change it; let them run: ${changes.join('; ')}; or ALTER TABLE ${names.target} OWNER TO ${to}, then "millrace resume RUN"`, { target: names.label, owner: owner['owner']! });
}

/** The catalog shows tables that the user may use; one that is there all the same would look like none. */
export async function refuseUnseen(redshift: Redshift, names: Names): Promise<void> {
  const [found] = await redshift.rows(`SELECT CAST(tableowner AS VARCHAR) AS owner, CAST(current_user AS VARCHAR) AS who FROM pg_tables WHERE schemaname = ${quoteLiteral(names.schema)} AND tablename = ${quoteLiteral(names.table)} AND tableowner <> current_user`);
  if (!found) return;
  throw new DestinationHeldError(`preparing "${names.label}": a table of that name is there and belongs to "${found['owner']}", and database user "${found['who']}" may not use it: GRANT ${needed.join(', ')} ON ${names.target} TO ${quoteIdentifier(found['who']!)}, or write to another table, then "millrace resume RUN"`, { target: names.label, owner: found['owner']! });
}
