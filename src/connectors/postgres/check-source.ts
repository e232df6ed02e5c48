import type { CheckResult } from '../connector';
import type { PostgresConfig } from './config';
import { addressOf, type PostgresConnection } from './connection';
import { standbyNote } from './cursor-risks';
import { quoteIdentifier, quoteLiteral } from './quote';

/** Reach, log-in, version and permissions; where something is missing, the statement that grants it. */
export async function checkSource(connection: PostgresConnection, config: PostgresConfig, name: string): Promise<CheckResult> {
  const session = await connection.row(
    "SELECT split_part(version(), ' ', 2) AS version, current_user::text AS role, pg_is_in_recovery()::text AS standby, pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')::text AS stats");
  const schema = await schemaOf(connection, config.schema, quoteIdentifier(session['role']!));
  return {
    ok: schema.missing.length === 0,
    messages: [
      `"${name}": Postgres ${session['version']} answers at ${addressOf(config)} as role ${session['role']}`,
      ...schema.messages, ...schema.missing,
      ...(session['stats'] === 'true' ? [] : [`the role does not see since when others' transactions run, so an open one holds an incremental read back altogether: GRANT pg_read_all_stats TO ${quoteIdentifier(session['role']!)}`]),
      ...(session['standby'] === 'true' ? [standbyNote] : []),
    ],
  };
}

interface SchemaRights {
  readonly messages: readonly string[];
  readonly missing: readonly string[];
}

async function schemaOf(connection: PostgresConnection, schema: string, role: string): Promise<SchemaRights> {
  const { usage } = await connection.row('SELECT CASE WHEN to_regnamespace($1) IS NULL THEN \'absent\' ELSE has_schema_privilege($2, \'USAGE\')::text END AS usage', [quoteIdentifier(schema), schema]);
  if (usage === 'absent') return { messages: [], missing: [`there is no schema "${schema}"; correct "schema" in connections.yaml, or name tables with their schema`] };
  if (usage === 'false') return { messages: [], missing: [`the role may not use schema "${schema}": GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}`] };
  const tables = await connection.row(
    "SELECT count(*) FILTER (WHERE has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))::text AS readable, count(*) FILTER (WHERE NOT has_table_privilege(c.oid, 'SELECT') AND NOT has_any_column_privilege(c.oid, 'SELECT'))::text AS hidden " +
    `FROM pg_class c WHERE c.relnamespace = ${quoteLiteral(quoteIdentifier(schema))}::regnamespace AND c.relkind IN ('r', 'p', 'm', 'v', 'f')`);
  const messages = [`${tables['readable']} tables and views of schema "${schema}" can be read`];
  if (tables['hidden'] === '0') return { messages, missing: [] };
  const grant = `${tables['hidden']} cannot: GRANT SELECT ON ALL TABLES IN SCHEMA ${quoteIdentifier(schema)} TO ${role}`;
  // A role that reads some tables only is a sound choice; one that reads none is not.
  return tables['readable'] === '0' ? { messages, missing: [grant] } : { messages: [...messages, grant], missing: [] };
}
