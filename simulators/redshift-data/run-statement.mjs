// Runs what one request brought: one transaction on a session of its own, as the Data API does it.
import pg from 'pg';
import { copyFromS3, unloadToS3 } from './copy.mjs';
import { translate } from './dialect.mjs';
import { sizeOf } from './results.mjs';
import { SqlError } from './tokens.mjs';

const [mostResult, mostRow] = [500 * 1024 * 1024, 64 * 1024];
const settings = "SET search_path TO public, redshift_sim; SET TimeZone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 3; SET standard_conforming_strings = on; SET client_min_messages = error; SET statement_timeout = 0; SET lock_timeout = 0";
const asText = { getTypeParser: () => (value) => value };

export async function openSession(url) {
  const client = new pg.Client({ connectionString: url, types: asText, application_name: 'redshift-simulator' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(settings);
  return client;
}

/** `DbUser` is a role of Postgres, with the grants that it has there. */
async function becomes(client, user) {
  try {
    await client.query(`SET ROLE "${user.replaceAll('"', '""')}"`);
  } catch (error) {
    await client.end();
    throw new SqlError(error.code === '22023' ? `FATAL: user "${user}" does not exist` : error.message);
  }
}

class Ended extends Error {}

/**
 * Fills in `statement.subs` one by one. `faults.at(statement, index)` tells what is to go wrong before a statement: `conflict`, `crash` or nothing.
 * @returns 'FINISHED'; throws what ended it, with `index`.
 */
export async function runStatement(statement, { url, store, iamRoles, isolation, faults, nextQueryId }) {
  const client = await openSession(url);
  statement.cancel = async () => {
    const other = await openSession(url);
    await other.query('SELECT pg_cancel_backend($1)', [client.processID]).finally(() => other.end());
  };
  if (statement.user) await becomes(client, statement.user);
  const begin = `BEGIN ISOLATION LEVEL ${isolation === 'serializable' ? 'SERIALIZABLE' : 'REPEATABLE READ'}`;
  const world = {
    client, store, iamRoles, faults, s3Fails: () => faults.s3(statement), translateQuery: (sql) => translate(sql, { alone: true }).sql,
  };
  const together = statement.mode === 'TRANSACTION';
  try {
    if (together) await client.query(begin);
    for (const [index, sub] of statement.subs.entries()) {
      if (statement.cancelled) throw new Ended('cancelled');
      sub.queryId = nextQueryId();
      sub.status = 'STARTED';
      const started = process.hrtime.bigint();
      try {
        await faults.heldAt(statement, index);
        if (statement.cancelled) throw new Ended('cancelled');
        const fault = faults.at(statement, index);
        if (fault === 'conflict') throw new SqlError('1023\nDETAIL: Serializable isolation violation on table - 100500, transactions forming the cycle are: 2117, 2118 (pid:1073832321)');
        if (fault === 'crash') throw new Ended('crash');
        if (!together) await client.query(begin);
        await runOne(sub, { ...world, loadError: (detail) => recordLoadError(url, sub.queryId, client.processID, detail) }, begin, statement.subs.length === 1);
        if (!together) await client.query('COMMIT');
        sub.status = 'FINISHED';
      } catch (error) {
        sub.status = statement.cancelled || error instanceof Ended ? 'ABORTED' : 'FAILED';
        sub.error = messageOf(error);
        if (together || error instanceof Ended || statement.cancelled) throw error;
        await client.query('ROLLBACK');
      } finally {
        sub.duration = Number(process.hrtime.bigint() - started);
      }
    }
    if (statement.cancelled) throw new Ended('cancelled');
    if (together) await client.query('COMMIT');
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function runOne(sub, world, begin, alone) {
  const translated = translate(sub.sql, { alone });
  if (translated.kind === 'copy') sub.rows = await copyFromS3(translated.tokens, world);
  else if (translated.kind === 'unload') sub.rows = await unloadToS3(translated.tokens, world);
  else {
    // Two transactions that make the same thing meet in Postgres's catalog, where IF NOT EXISTS fails the later one; here it waits for the first.
    if (/^\s*CREATE\s+(SCHEMA|TABLE)\s+IF\s+NOT\s+EXISTS\b/i.test(translated.sql)) await world.client.query("SELECT pg_advisory_xact_lock(hashtext('millrace_redshift_simulator'))");
    const result = await world.client.query({ text: translated.sql, rowMode: 'array' });
    // TRUNCATE commits what came before it, and itself.
    if (translated.kind === 'truncate') {
      await world.client.query('COMMIT');
      await world.client.query(begin);
    }
    if (translated.kind === 'rows') keepResult(sub, result);
    else sub.rows = result.rowCount ?? -1;
  }
}

function keepResult(sub, { rows, fields }) {
  if (rows.some((row) => sizeOf([row]) > mostRow)) throw new SqlError('Row size exceeds the limit of 64 KB');
  sub.size = sizeOf(rows);
  if (sub.size > mostResult) throw new SqlError('The query result exceeds the limit of 500 MB');
  Object.assign(sub, { rows: rows.length, result: { rows, fields } });
}

async function recordLoadError(url, queryId, session, { file, line, column, message }) {
  const other = await openSession(url);
  const values = [queryId, session, file.slice(0, 256), line, column.slice(0, 127), message.slice(0, 512)];
  await other.query("INSERT INTO redshift_sim.sys_load_error_detail (user_id, query_id, session_id, database_name, file_name, line_number, column_name, error_code, error_message, start_time) VALUES (100, $1, $2, current_database(), $3, $4, $5, 1204, $6, now() AT TIME ZONE 'UTC')", values).finally(() => other.end());
}

export function messageOf(error) {
  if (error instanceof Ended) return error.message === 'cancelled' ? 'Query cancelled on user request' : 'ABORTED: the connection to the cluster was lost; the transaction was rolled back';
  if (error.code === '57014') return 'ERROR: Query cancelled on user\'s request';
  if (error.code === '40001' || error.code === '40P01') return 'ERROR: 1023\n  Detail: Serializable isolation violation on table - 100500, transactions forming the cycle are: 2117, 2118 (pid:1073832321)';
  if (error.code === '23514') return 'ERROR: value too long for type character varying, or a value that the type cannot hold';
  return `ERROR: ${error.message}`;
}
