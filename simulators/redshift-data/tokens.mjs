// SQL as tokens, read as Redshift reads it: a backslash escapes in a literal, and identifiers are lower case even in quotes.

/** Kinds: word, name (quoted identifier, folded), text (literal, unescaped), number, parameter, sign, space. */
const pattern = /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>'(?:[^'\\]|''|\\[\s\S])*')|(?<name>"(?:[^"]|"")*")|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<cast>::)|(?<parameter>:[A-Za-z_]\w*)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<sign><>|<=|>=|!=|\|\||[\s\S])/gy;

export class SqlError extends Error {}

const escapes = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
const unescaped = (source) => source.slice(1, -1).replace(/''|\\([\s\S])/g, (found, escaped) => (found === "''" ? "'" : escapes[escaped] ?? escaped));

export function tokensOf(sql) {
  const tokens = [];
  for (const { groups, index } of sql.matchAll(pattern)) {
    const [kind, source] = Object.entries(groups).find(([, found]) => found !== undefined);
    if (kind === 'space') tokens.push({ kind, source, value: ' ' });
    else if (kind === 'text') tokens.push({ kind, source, value: unescaped(source) });
    else if (kind === 'name') tokens.push({ kind, source, value: source.slice(1, -1).replaceAll('""', '"').toLowerCase() });
    else if (kind === 'word') tokens.push({ kind, source, value: source.toLowerCase() });
    else if (kind === 'sign' && (source === "'" || source === '"')) throw new SqlError(`unterminated quoted string at position ${index}`);
    else tokens.push({ kind: kind === 'cast' ? 'sign' : kind, source, value: source });
  }
  return tokens;
}

/** For Postgres: literals keep their meaning, names are folded. */
export const printed = (tokens) => tokens.map(({ kind, source, value }) => {
  if (kind === 'text') return source.includes('\\') ? `E${source}` : source;
  if (kind === 'name') return `"${value.replaceAll('"', '""')}"`;
  return source;
}).join('');

export const solid = (tokens) => tokens.filter(({ kind }) => kind !== 'space');
export const isWord = (token, ...words) => token?.kind === 'word' && words.includes(token.value);
export const isSign = (token, sign) => token?.kind === 'sign' && token.value === sign;
export const word = (source) => ({ kind: 'word', source, value: source.toLowerCase() });

/** Index of the parenthesis that closes the one at `from`. */
export function closing(tokens, from) {
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    if (isSign(tokens[at], '(')) depth += 1;
    if (isSign(tokens[at], ')')) depth -= 1;
    if (depth === 0) return at;
  }
  throw new SqlError('syntax error: a parenthesis is not closed');
}

/** Parts between commas that are in no parentheses. */
export function commaParts(tokens) {
  const parts = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth === 0 && isSign(token, ',')) parts.push([]);
    else parts.at(-1).push(token);
  }
  return parts;
}
