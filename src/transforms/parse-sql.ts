import { ConfigurationError } from '../domain/errors';
import type { ParsedField } from './parse';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Compiled, Guard, Projection } from './step';

export interface Parsed {
  readonly rest: readonly Projection[];
  readonly column: string;
  readonly text: string;
  readonly fields: readonly ParsedField[];
}

/** `a.b[0]` → `$."a"."b"[0]` */
function jsonPath(path: string): string {
  const parts = [...path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => (name === undefined ? `[${index!}]` : `."${name.replaceAll('"', '\\"')}"`));
  return quoteLiteral(`$${parts.join('')}`);
}

/** Fields of JSON text in DuckDB itself. */
export function jsonFields({ rest, column, text, fields }: Parsed): Compiled {
  const body = `TRY_CAST(${text} AS JSON)`;
  const raw = (path: string): string => `json_extract(${body}, ${jsonPath(path)})`;
  const value = ({ path, type }: ParsedField): string => (/^JSON$|\[\]$/i.test(type) ? `TRY_CAST(${raw(path)} AS ${type})` : `TRY_CAST(json_extract_string(${body}, ${jsonPath(path)}) AS ${type})`);
  const first = fields[0]!.name;
  const guards: Guard[] = [
    { column, output: first, reason: 'is not JSON', when: `${quoteIdentifier(column)} IS NOT NULL AND ${body} IS NULL` },
    ...fields.map((field): Guard => ({ column, output: field.name, reason: `has a "${field.name}" that is not a ${field.type.toUpperCase()}`, when: `json_type(${raw(field.path)}) <> 'NULL' AND ${value(field)} IS NULL` })),
  ];
  return { kind: 'rows', guards, columns: [...rest, ...fields.map((field) => ({ name: field.name, sql: value(field), computed: true }))] };
}

const parts = ['scheme', 'user', 'host', 'port', 'path', 'query', 'fragment'] as const;

/** Parts of a URL; what is not there is NULL. Query values are decoded, `+` is a space. */
export function urlFields({ rest, column, text, fields }: Parsed): Compiled {
  const pattern = '^([A-Za-z][A-Za-z0-9+.-]*):(?://(?:([^/?#@]*)@)?(\\[[0-9A-Fa-f:.]+\\]|[^:/?#]*)(?::(\\d*))?)?([^?#]*)(?:\\?([^#]*))?(?:#(.*))?$';
  const whole = `trim(${text})`;
  const part = (name: string): string => `nullif(regexp_extract(${whole}, ${quoteLiteral(pattern)}, [${parts.map(quoteLiteral).join(', ')}])[${quoteLiteral(name)}], '')`;
  const textOf = ({ path }: ParsedField): string => {
    if (path.startsWith('query.')) return `TRY(url_decode(replace(nullif(regexp_extract('&' || ${part('query')}, ${quoteLiteral(`&${escaped(path.slice('query.'.length))}=([^&]*)`)}, 1), ''), '+', ' ')))`;
    if (!parts.some((known) => known === path)) throw new ConfigurationError(`compiling step "parse": a URL has no "${path}"; it has ${parts.join(', ')} and query.NAME`);
    return part(path);
  };
  const value = (field: ParsedField): string => `TRY_CAST(${textOf(field)} AS ${field.type})`;
  const guards: Guard[] = [
    { column, output: fields[0]!.name, reason: 'is no URL', when: `${quoteIdentifier(column)} IS NOT NULL AND NOT regexp_full_match(${whole}, ${quoteLiteral(pattern)})` },
    ...fields.map((field): Guard => ({ column, output: field.name, reason: `has a "${field.name}" that is not a ${field.type.toUpperCase()}`, when: `${textOf(field)} IS NOT NULL AND ${value(field)} IS NULL` })),
  ];
  return { kind: 'rows', guards, columns: [...rest, ...fields.map((field) => ({ name: field.name, sql: value(field), computed: true }))] };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
