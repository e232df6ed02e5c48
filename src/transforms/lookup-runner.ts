import path from 'node:path';
import { positionColumn } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { nextName, type ChainState } from './chain-state';
import type { Session } from './duckdb-engine';
import { fetched, lookupsOf, type Fetch } from './lookups';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';

const columns = `{a: 'VARCHAR', s: 'VARCHAR', m: 'VARCHAR[]', e: 'VARCHAR', t: 'DOUBLE'}`;
const linesOf = (files: readonly string[]): string =>
  files.length === 0
    ? 'SELECT CAST(NULL AS VARCHAR) AS a, CAST(NULL AS VARCHAR) AS s, CAST(NULL AS VARCHAR[]) AS m, CAST(NULL AS VARCHAR) AS e, CAST(NULL AS DOUBLE) AS t WHERE false'
    : `SELECT * FROM read_json([${files.map(quoteLiteral).join(', ')}], format = 'newline_delimited', columns = ${columns}, maximum_object_size = 33554432)`;

/** Joins each row to the answer for its address. */
export async function runFetch(session: Session, state: ChainState, fetch: Fetch, step: string): Promise<string> {
  const table = nextName(state);
  const names = [...state.columns.map(({ name }) => name), positionColumn];
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS SELECT ${quoteList(names)}, (${fetch.address}) AS _millrace_address FROM ${quoteIdentifier(state.relation)}`);
  const answers = `${table}_answers`;
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(answers)} AS ${linesOf([])}`);
  await answerAll(session, table, answers, fetch, step);
  const joined = `${table}_done`;
  const members = fetch.members.map((_, index) => `r.m[${index + 1}] AS ${fetched.member(index)}`);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(joined)} AS SELECT ${[...names.map((name) => `t.${quoteIdentifier(name)}`), `coalesce(r.s, 'missing') AS ${fetched.state}`, `r.e AS ${fetched.error}`, ...members].join(', ')} FROM ${quoteIdentifier(table)} t LEFT JOIN ${quoteIdentifier(answers)} r ON r.a = t._millrace_address`);
  for (const name of [table, answers]) await session.run(`DROP TABLE ${quoteIdentifier(name)}`);
  return joined;
}

async function answerAll(session: Session, table: string, answers: string, fetch: Fetch, step: string): Promise<void> {
  const wanted = `SELECT DISTINCT _millrace_address AS a FROM ${quoteIdentifier(table)} WHERE _millrace_address IS NOT NULL`;
  if (Number((await session.row(`SELECT count(*) AS n FROM (${wanted})`))['n']) === 0) return;
  const lookups = lookupsOf(session);
  if (!lookups) throw new ConfigurationError(`running step "${step}": nothing can be asked outside here`, { step });
  await take(session, answers, wanted, await lookups.kept(fetch));
  const addresses = path.join(session.scratch(), `${table}.addresses.jsonl`);
  const left = await session.changed(`COPY (${wanted} EXCEPT SELECT a FROM ${quoteIdentifier(answers)}) TO ${quoteLiteral(addresses)} (FORMAT json)`);
  if (left > 0) await take(session, answers, wanted, await lookups.ask(fetch, addresses, session.signal));
}

/** Of several answers for one address the first counts. */
async function take(session: Session, answers: string, wanted: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  await session.run(`INSERT INTO ${quoteIdentifier(answers)} SELECT a, arg_min(s, t), arg_min(m, t), arg_min(e, t), min(t) FROM (SELECT a, s, m, coalesce(e, '') AS e, t FROM (${linesOf(files)})) WHERE a IN (${wanted}) AND a NOT IN (SELECT a FROM ${quoteIdentifier(answers)}) GROUP BY a`);
}
