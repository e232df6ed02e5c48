// One statement of Redshift as what Postgres runs; what Redshift refuses is refused, and more rather than less.
import { addedColumnSql, columnsSql, spaced, typeAt } from './columns.mjs';
import { closing, isSign, isWord, printed, solid, SqlError, tokensOf, word } from './tokens.mjs';

const refusedWords = {
  returning: 'RETURNING is not supported', lateral: 'LATERAL is not supported', array: 'arrays are not supported', unnest: 'unnest is not supported', string_agg: 'string_agg is not supported; use LISTAGG',
  array_agg: 'array_agg is not supported', generate_series: 'generate_series is a leader-node function', jsonb: 'type jsonb does not exist', gen_random_uuid: 'function gen_random_uuid does not exist',
  to_regclass: 'function to_regclass does not exist', num_nonnulls: 'function num_nonnulls does not exist', trim_scale: 'function trim_scale does not exist', concat_ws: 'function concat_ws does not exist',
  format: 'function format does not exist', encode: 'function encode does not exist', json_object: 'function json_object does not exist', pg_advisory_xact_lock: 'function pg_advisory_xact_lock does not exist',
  current_setting: 'current_setting is a leader-node function', nextval: 'function nextval does not exist', float8send: 'function float8send does not exist', clock_timestamp: 'function clock_timestamp does not exist',
  savepoint: 'SAVEPOINT is not supported', tablesample: 'TABLESAMPLE is not supported',
};
const refusedPairs = [
  ['on', 'conflict', 'ON CONFLICT is not supported'], ['distinct', 'on', 'DISTINCT ON is not supported'], ['distinct', 'from', 'IS DISTINCT FROM is not supported'], ['for', 'update', 'SELECT FOR UPDATE is not supported'],
  ['for', 'share', 'SELECT FOR SHARE is not supported'], ['filter', '(', 'FILTER is not supported; use CASE in the aggregate'], ['create', 'index', 'CREATE INDEX is not supported'], ['unique', 'index', 'CREATE INDEX is not supported'],
  ['create', 'sequence', 'CREATE SEQUENCE is not supported'], ['create', 'type', 'CREATE TYPE is not supported'], ['create', 'domain', 'CREATE DOMAIN is not supported'], ['create', 'trigger', 'triggers are not supported'], ['create', 'unlogged', 'UNLOGGED is not supported'],
];

/** @returns {{ kind: 'rows' | 'change' | 'copy' | 'unload' | 'truncate', sql?: string, tokens: object[] }} */
export function translate(sql, { alone }) {
  const all = tokensOf(sql);
  while (all.length > 0 && (all.at(-1).kind === 'space' || isSign(all.at(-1), ';'))) all.pop();
  const tokens = solid(all);
  if (tokens.length === 0) throw new SqlError('syntax error: the statement is empty');
  if (tokens.some((token) => isSign(token, ';'))) throw new SqlError('multiple statements in one string are not accepted; use BatchExecuteStatement');
  refuse(tokens);
  const [first, second] = tokens;
  if (isWord(first, 'copy')) return { kind: 'copy', tokens };
  if (isWord(first, 'unload')) return { kind: 'unload', tokens };
  if (isWord(first, 'begin', 'start', 'commit', 'rollback', 'end', 'abort')) throw new SqlError(`${first.value.toUpperCase()} is not accepted by the Data API`);
  if (isWord(first, 'truncate')) return { kind: 'truncate', sql: printed(common(all)), tokens };
  if (isWord(first, 'create') && tokens.slice(1, 4).some((token) => isWord(token, 'table'))) return { kind: 'change', sql: createTable(all), tokens };
  if (isWord(first, 'alter') && isWord(second, 'table')) return { kind: 'change', sql: alterTable(tokens, alone), tokens };
  if (isWord(first, 'update', 'delete')) refuseAlias(tokens);
  const kind = isWord(first, 'select', 'with', 'show') ? 'rows' : 'change';
  return { kind, sql: printed(common(all)), tokens };
}

function refuse(tokens) {
  tokens.forEach((token, index) => {
    if (token.kind === 'word' && Object.hasOwn(refusedWords, token.value) && !(token.value === 'format' && isWord(tokens[0], 'copy', 'unload')) && !(token.value === 'encode' && isWord(tokens[0], 'create', 'alter'))) throw new SqlError(refusedWords[token.value]);
    if (isSign(token, '[')) throw new SqlError('arrays are not supported');
    const pair = refusedPairs.find(([left, right]) => isWord(token, left) && tokens[index + 1]?.value === right);
    if (pair) throw new SqlError(pair[2]);
  });
}

/** The target of an UPDATE or DELETE has no alias. */
function refuseAlias(tokens) {
  let at = isWord(tokens[0], 'delete') ? (isWord(tokens[1], 'from') ? 2 : 1) : 1;
  while (isSign(tokens[at + 1], '.')) at += 2;
  const after = tokens[at + 1];
  if (after && !isWord(after, 'set', 'using', 'where')) throw new SqlError(`syntax error at or near "${after.source}": the target of ${tokens[0].value.toUpperCase()} takes no alias`);
}

/** Words and casts that mean something else in Postgres. */
function common(tokens) {
  const result = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (isWord(token, 'nvl')) result.push(word('coalesce'));
    else if (isWord(token, 'sysdate')) result.push(word("(now() AT TIME ZONE 'UTC')"));
    else if (isWord(token, 'len')) result.push(word('length'));
    else if (isWord(token, 'super', 'varbyte') && !isSign(next, '.')) result.push(word(`redshift_sim.${token.value}`));
    else if (isWord(token, 'datediff', 'dateadd') && isSign(next, '(')) {
      result.push(token, next, word(`'${tokens[at + 2].value}'`));
      at += 2;
    } else if (isSign(token, '::') && isWord(next, 'text')) {
      result.push(token, word('varchar'));
      at += 1;
    } else if (isWord(next, 'with') && isWord(token, 'recursive')) throw new SqlError('syntax error at or near "recursive"');
    else result.push(token);
  }
  return result;
}

const attributes = ['diststyle', 'distkey', 'sortkey', 'compound', 'interleaved', 'backup', 'encode'];

/** Without `DISTSTYLE …`, `DISTKEY (…)`, `SORTKEY (…)`, `BACKUP …`. */
function withoutAttributes(tokens) {
  const kept = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (!isWord(tokens[at], ...attributes)) kept.push(tokens[at]);
    else if (isSign(tokens[at + 1], '(')) at = closing(tokens, at + 1);
    else if (isWord(tokens[at], 'diststyle', 'backup')) at += 1;
  }
  return kept;
}

/** `CREATE [TEMP] TABLE [IF NOT EXISTS] name (…) | AS SELECT …` */
function createTable(all) {
  const tokens = solid(all);
  const body = tokens.findIndex((token) => isSign(token, '(') || isWord(token, 'as'));
  const asAt = tokens.findIndex((token) => isWord(token, 'as'));
  const opens = tokens.findIndex((token) => isSign(token, '('));
  const isSelect = asAt !== -1 && tokens.slice(asAt + 1, asAt + 3).some((token) => isWord(token, 'select', 'with'));
  if (isSelect) return `${printed(spaced(withoutAttributes(tokens.slice(0, asAt))))} AS ${printed(common(all.slice(all.indexOf(tokens[asAt]) + 1)))}`;
  if (opens === -1 || opens !== body) throw new SqlError('syntax error: CREATE TABLE needs columns or AS SELECT');
  const end = closing(tokens, opens);
  if (withoutAttributes(tokens.slice(end + 1)).some((token) => !isWord(token, 'all', 'even', 'key', 'auto', 'yes', 'no'))) throw new SqlError(`syntax error at or near "${tokens[end + 1].source}"`);
  return `${printed(spaced(tokens.slice(0, opens)))} (${columnsSql(tokens.slice(opens + 1, end))})`;
}

function alterTable(tokens, alone) {
  const at = tokens.findIndex((token, index) => index > 2 && isWord(token, 'add', 'alter', 'rename', 'drop', 'append', 'owner'));
  const [verb, second, third] = [tokens[at], tokens[at + 1], tokens[at + 2]];
  const head = printed(spaced(tokens.slice(0, at)));
  if (isWord(verb, 'append')) throw new SqlError(alone ? 'ALTER TABLE APPEND is not simulated' : 'ALTER TABLE APPEND cannot run inside a transaction block');
  if (isWord(verb, 'add') && isWord(second, 'column')) {
    if (isWord(third, 'if')) throw new SqlError('syntax error at or near "if": ADD COLUMN knows no IF NOT EXISTS');
    if (tokens.some((token, index) => index > at && isSign(token, ',') && isWord(tokens[index + 1], 'add'))) throw new SqlError('ALTER TABLE adds one column at a time');
    return `${head} ADD COLUMN ${addedColumnSql(tokens.slice(at + 2))}`;
  }
  if (isWord(verb, 'alter') && isWord(tokens[at + 3], 'type')) {
    if (!alone) throw new SqlError('ALTER TABLE ALTER COLUMN cannot run inside a transaction block');
    if (!isWord(tokens[at + 4], 'varchar', 'character')) throw new SqlError('ALTER COLUMN TYPE changes the size of VARCHAR only');
    return `${head} ALTER COLUMN ${printed([third])} TYPE ${typeAt(tokens, at + 4).sql}`;
  }
  return printed(spaced(tokens));
}
