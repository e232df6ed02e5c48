// Column definitions: Redshift's types as Postgres' with the limits that Redshift has.
import { closing, commaParts, isSign, isWord, printed, solid, SqlError, word } from './tokens.mjs';

const refusedTypes = ['uuid', 'bytea', 'json', 'jsonb', 'serial', 'bigserial', 'smallserial', 'money', 'inet', 'cidr', 'macaddr', 'xml', 'bit', 'interval', 'point', 'line', 'box', 'path', 'polygon', 'circle', 'tsvector', 'tsquery', 'int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange', 'oid', 'regclass', 'name', 'enum', 'hstore'];
const systemNames = ['oid', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'];
const reserved = ['all', 'and', 'as', 'between', 'case', 'column', 'create', 'cross', 'default', 'delete', 'desc', 'distinct', 'else', 'end', 'from', 'group', 'having', 'in', 'into', 'is', 'join', 'like', 'limit', 'not', 'null', 'on', 'or', 'order', 'select', 'table', 'tag', 'then', 'timestamp', 'to', 'top', 'union', 'user', 'using', 'when', 'where', 'with'];

export function refuseName({ kind, value }) {
  if (Buffer.byteLength(value) > 63) throw new SqlError(`identifier "${value}" is too long for this simulator: at most 63 bytes (Redshift: 127)`);
  if (systemNames.includes(value)) throw new SqlError(`column name "${value}" conflicts with a system column name`);
  if (kind === 'word' && reserved.includes(value)) throw new SqlError(`syntax error at or near "${value}"`);
}

/** What stands in parentheses after a type: `(18,3)`, `(max)`. */
function takeLength(tokens, at) {
  if (!isSign(tokens[at], '(')) return { values: [], next: at };
  const end = closing(tokens, at);
  return { values: tokens.slice(at + 1, end).filter((token) => !isSign(token, ',')).map(({ value }) => value), next: end + 1 };
}

const whole = (text, most, what) => {
  const value = text === 'max' ? most : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new SqlError(`length for type ${what} must be between 1 and ${most}`);
  return value;
};

const finite = (column) => `CHECK (isfinite(${column}))`;

/** Type at `tokens[at]` → { sql, check(column), next }; in a table, VARCHAR without a length has 256. */
export function typeAt(tokens, at) {
  const [first, second] = [tokens[at], tokens[at + 1]];
  if (first?.kind !== 'word') throw new SqlError(`syntax error at or near "${first?.source ?? 'end of statement'}": a type is missing`);
  const two = (name) => isWord(second, name);
  if (refusedTypes.includes(first.value)) throw new SqlError(`type "${first.value}" is not supported in Redshift tables`);
  const character = isWord(first, 'varchar', 'nvarchar', 'text') || (isWord(first, 'character') && two('varying'));
  if (character) {
    const { values, next } = takeLength(tokens, at + (isWord(first, 'character') ? 2 : 1));
    const length = isWord(first, 'text') || values.length === 0 ? 256 : whole(values[0], 65535, 'varchar');
    return { sql: `varchar(${length})`, check: (column) => `CHECK (octet_length(${column}) <= ${length})`, next };
  }
  if (isWord(first, 'char', 'character', 'nchar', 'bpchar')) {
    const { values, next } = takeLength(tokens, at + 1);
    const length = values.length === 0 ? 1 : whole(values[0], 4096, 'char');
    return { sql: `char(${length})`, check: (column) => `CHECK (octet_length(${column}) = char_length(${column}))`, next };
  }
  if (isWord(first, 'varbyte', 'varbinary') || (isWord(first, 'binary') && two('varying'))) {
    const { values, next } = takeLength(tokens, at + (isWord(first, 'binary') ? 2 : 1));
    const length = values.length === 0 ? 64000 : whole(values[0], 16777216, 'varbyte');
    return { sql: 'redshift_sim.varbyte', check: (column) => `CHECK (octet_length(${column}) <= ${length})`, next };
  }
  if (isWord(first, 'super')) return { sql: 'redshift_sim.super', check: () => '', next: at + 1 };
  if (isWord(first, 'decimal', 'numeric', 'dec')) {
    const { values, next } = takeLength(tokens, at + 1);
    const [precision, scale] = [whole(values[0] ?? '18', 38, 'numeric'), Number(values[1] ?? 0)];
    if (scale > 37 || scale > precision) throw new SqlError('numeric scale must be between 0 and 37');
    return { sql: `numeric(${precision},${scale})`, check: (column) => `CHECK (${column} <> 'NaN')`, next };
  }
  if (isWord(first, 'real', 'float4')) return { sql: 'real', check: (column) => `CHECK (${column} NOT IN ('NaN', 'Infinity', '-Infinity'))`, next: at + 1 };
  if (isWord(first, 'float', 'float8', 'double')) return { sql: 'double precision', check: (column) => `CHECK (${column} NOT IN ('NaN', 'Infinity', '-Infinity'))`, next: at + (two('precision') ? 2 : 1) };
  if (isWord(first, 'boolean', 'bool', 'smallint', 'int2', 'integer', 'int', 'int4', 'bigint', 'int8')) return { sql: first.value, check: () => '', next: at + 1 };
  if (isWord(first, 'date')) return { sql: 'date', check: finite, next: at + 1 };
  if (isWord(first, 'timestamp', 'timestamptz', 'time', 'timetz')) {
    if (isSign(second, '(')) throw new SqlError(`syntax error at or near "(": ${first.value} takes no precision`);
    const zoned = isWord(second, 'with', 'without') ? (isWord(second, 'with') ? 'with' : 'without') : first.value.endsWith('tz') ? 'with' : 'without';
    const stem = first.value.startsWith('timestamp') ? 'timestamp' : 'time';
    return { sql: `${stem} ${zoned} time zone`, check: stem === 'timestamp' ? finite : () => '', next: at + (isWord(second, 'with', 'without') ? 4 : 1) };
  }
  throw new SqlError(`type "${first.value}" does not exist`);
}

const keyWords = ['primary', 'unique', 'foreign', 'constraint'];

/** `name type [NOT NULL] [DEFAULT …] [ENCODE x] [IDENTITY(a, b)] [keys, which nobody enforces]`. */
function columnSql(tokens) {
  const [name] = tokens;
  if (isWord(name, ...keyWords)) return null;
  refuseName(name);
  const type = typeAt(tokens, 1);
  const column = printed([{ ...name, kind: 'name' }]);
  let rest = '';
  let at = type.next;
  while (at < tokens.length) {
    const [here, after] = [tokens[at], tokens[at + 1]];
    if (isWord(here, 'encode')) at += 2;
    else if (isWord(here, 'distkey', 'sortkey', 'unique', 'null')) at += 1;
    else if (isWord(here, 'primary') && isWord(after, 'key')) at += 2;
    else if (isWord(here, 'references')) at += isSign(tokens[at + 2], '(') ? closing(tokens, at + 2) - at + 1 : 2;
    else if (isWord(here, 'identity')) {
      // Values of Redshift's IDENTITY have gaps and no order.
      rest += ' GENERATED ALWAYS AS IDENTITY (INCREMENT BY 7)';
      at = closing(tokens, at + 1) + 1;
    } else if (isWord(here, 'not') && isWord(after, 'null')) [rest, at] = [`${rest} NOT NULL`, at + 2];
    else if (isWord(here, 'default')) {
      const end = tokens.findIndex((token, index) => index > at + 1 && isWord(token, 'not', 'null', 'encode', 'distkey', 'sortkey', 'primary', 'unique'));
      const until = end === -1 ? tokens.length : end;
      rest += ` DEFAULT ${tokens.slice(at + 1, until).map((token) => printed([token])).join(' ')}`;
      at = until;
    } else throw new SqlError(`syntax error at or near "${here.source}"`);
  }
  return `${column} ${type.sql}${rest} ${type.check(column)}`.trim();
}

/** Inside of `CREATE TABLE x ( … )`. */
export function columnsSql(tokens) {
  const parts = commaParts(solid(tokens));
  if (isWord(parts[0][0], 'like')) {
    if (parts.length > 1) throw new SqlError('syntax error: LIKE stands alone in this simulator');
    return `${printed(spaced(parts[0].filter((token) => !isWord(token, 'including', 'defaults'))))} INCLUDING CONSTRAINTS INCLUDING DEFAULTS`;
  }
  const columns = parts.map(columnSql).filter((sql) => sql !== null);
  if (columns.length > 1600) throw new SqlError('tables can have at most 1600 columns');
  return columns.join(', ');
}

export const spaced = (tokens) => tokens.flatMap((token, index) => (index === 0 || isSign(token, '.') || isSign(tokens[index - 1], '.') ? [token] : [word(' '), token]));
/** For ALTER TABLE … ADD COLUMN. */
export const addedColumnSql = (tokens) => columnSql(solid(tokens));
