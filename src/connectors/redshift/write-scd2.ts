import type { PublishRequest } from '../connector';
import { judge, momentOf, refusals, versionColumns, type VersionTables } from '../versions';
import type { Step } from './client';
import { displacedSteps } from './displaced';
import { assertion } from './fence';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import type { Aside } from './set-aside';
import { countStep, differs, refusedOtherwise, sameKey, type Write } from './write';

const accepted = "_millrace_verdict IN ('new', 'back')";
const refused = `_millrace_verdict IN (${Object.keys(refusals).map(quoteLiteral).join(', ')})`;

/** A version per change of a key, with its beginning and end (semantics 8). The rules are in `versions.ts`; DISTINCT ON and aliases of a target are not Redshift's. */
export function scd2(write: Write): readonly Step[] {
  const { names, request: { target: { stream } }, columns, rejected } = write;
  const { key } = stream;
  const keys = quoteList(key);
  const until = `lead(_millrace_since) OVER (PARTITION BY ${keys} ORDER BY _millrace_since)`;
  const target = names.target;
  const again = `JOIN (SELECT ${keys}, _millrace_since FROM _millrace_judged WHERE ${accepted}) j ON ${sameKey(key, 'j', 't')} AND t.valid_from = j._millrace_since`;
  return [
    ...judgeSteps(write),
    assertion(`count(*) = ${rejected}`, `FROM _millrace_judged WHERE ${refused}`, refusedOtherwise(names)),
    ...displacedSteps(write, 'hidden', `SELECT * FROM _millrace_judged WHERE NOT (${accepted})`),
    ...displacedSteps(write, 'target', `SELECT t.* FROM ${target} t ${again}`),
    countStep('deduplicated', "_millrace_judged WHERE _millrace_verdict IN ('again', 'same')"),
    countStep('deleted', `${target} t ${again}`),
    { sql: `DELETE FROM ${target} USING _millrace_judged j WHERE ${sameKey(key, target, 'j')} AND ${target}.valid_from = j._millrace_since AND j.${accepted}` },
    { sql: `CREATE TEMP TABLE _millrace_ends AS SELECT ${keys}, min(_millrace_since) AS _millrace_first FROM _millrace_judged WHERE ${accepted} GROUP BY ${keys}` },
    countStep('ended', `${target} t JOIN _millrace_ends e ON ${sameKey(key, 'e', 't')} WHERE t.is_current`),
    { sql: `UPDATE ${target} SET valid_to = e._millrace_first, is_current = false FROM _millrace_ends e WHERE ${sameKey(key, target, 'e')} AND ${target}.is_current` },
    countStep('written', `_millrace_judged WHERE ${accepted}`),
    { sql: `INSERT INTO ${target} (${columns}, ${versionColumns.join(', ')}) SELECT ${columns}, _millrace_since, ${until}, ${until} IS NULL FROM _millrace_judged WHERE ${accepted}` },
    ...missingSteps(write),
  ];
}

function judgeSteps(write: Write): readonly Step[] {
  const tables = tablesOf(write);
  const { staged, judged } = judge(tables);
  const list = tables.key.map((name) => `t.${name}`).join(', ');
  const newest = `SELECT t.*, row_number() OVER (PARTITION BY ${list} ORDER BY t.valid_from DESC) AS _millrace_nth FROM ${tables.target} t JOIN (SELECT DISTINCT ${tables.key.join(', ')} FROM _millrace_staged) v ON ${sameKey(write.request.target.stream.key, 'v', 't')}`;
  return [
    { sql: `CREATE TEMP TABLE _millrace_staged AS ${staged}` },
    { sql: `CREATE TEMP TABLE _millrace_newest AS SELECT * FROM (${newest}) n WHERE _millrace_nth = 1` },
    { sql: `CREATE TEMP TABLE _millrace_judged AS ${judged}` },
  ];
}

/** Rows that the publish will refuse: found before it. */
export function versionsAside(write: Write): Aside {
  const { plan } = write.request;
  const verdicts = Object.entries(refusals);
  return {
    prepare: judgeSteps(write), from: `FROM _millrace_judged r WHERE ${refused}`, position: 'r._millrace_position',
    reason: `CASE r._millrace_verdict ${verdicts.map(([verdict], index) => `WHEN ${quoteLiteral(verdict)} THEN ${index}`).join(' ')} END`,
    reasons: verdicts.map(([, reason]) => ({ column: plan.order ?? versionColumns[0], reason })),
  };
}

function tablesOf({ names, request, hidden, columns, types }: Write): VersionTables {
  const { plan, target: { stream } } = request;
  const data = plan.target.map(({ name }) => name);
  const now = nowOf(request);
  return {
    target: names.target, hidden, columns, now, key: stream.key.map(quoteIdentifier),
    from: plan.order === undefined ? now : `h.${quoteIdentifier(plan.order)}`,
    same: (left, right) => `(NOT ${differs(types, data, left, right)})`,
  };
}

/** The logical date as a beginning of this stream's versions. */
function nowOf({ plan, target: { stream, run } }: PublishRequest): string {
  const instant = `CAST(${quoteLiteral(run.logicalDate.replace('T', ' ').replace('Z', '+00'))} AS TIMESTAMPTZ)`;
  const order = plan.target.find(({ name }) => name === plan.order);
  return order === undefined ? instant : momentOf(order.type, instant, quoteLiteral(stream.cursorTimezone ?? 'UTC')) ?? 'NULL';
}

/** A full read shows which keys are gone; keys in this run's quarantine were read and are not. */
function missingSteps({ names, request, hidden, keysAside }: Write): readonly Step[] {
  const { key, mode } = request.target.stream;
  if (mode !== 'full' || request.keysAside === 'unknown') return [];
  const list = key.map((name) => `t.${quoteIdentifier(name)}`).join(', ');
  const first = quoteIdentifier(key[0]!);
  const aside = keysAside.length > 0;
  return [
    ...keysAside,
    { sql: `CREATE TEMP TABLE _millrace_missing AS SELECT ${list} FROM ${names.target} t LEFT JOIN (SELECT DISTINCT ${quoteList(key)} FROM ${hidden}) h ON ${sameKey(key, 'h', 't')}${aside ? ` LEFT JOIN (SELECT DISTINCT ${quoteList(key)} FROM _millrace_aside) a ON ${sameKey(key, 'a', 't')}` : ''} WHERE t.is_current AND h.${first} IS NULL${aside ? ` AND a.${first} IS NULL` : ''}` },
    countStep('ended', '_millrace_missing'),
    { sql: `UPDATE ${names.target} SET valid_to = GREATEST(${names.target}.valid_from, ${nowOf(request)}), is_current = false FROM _millrace_missing m WHERE ${sameKey(key, names.target, 'm')} AND ${names.target}.is_current` },
  ];
}
