import { SourceHeldError } from '../../domain/errors';
import { pathOf } from '../../formats/json-records';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { RestStream } from './config';
import { jsonPath } from './inspect';
import { nextLink } from './link-header';

interface Page {
  readonly stream: RestStream;
  readonly file: string;
  readonly headers: Headers;
  readonly where: string;
}

/** Members that lead on, as APIs call them: next, nextPageToken, next_cursor, has_more … */
const leadingOn = /^((@?odata[.])?next(link)?|next_?(records|page|cursor|url|uri|link|href|offset|marker)?_?(token|url|link|cursor|number)?|has_?(more|next)(_?(page|records|results))?|is_?more|more_?(pages|records|results))$/i;
/** Members that say the same by `false`. */
const notTheLast = /^(done|is_?last(_?page)?)$/i;
const nothing = ['null', '""', 'false', '0'];

/**
 * A last page that says itself that it is not the last one: `pagination` was forgotten, or looks for a member that the answer does not have. A reading that took the
 * first page for everything would succeed, and a full one would replace the table by it.
 */
export async function refuseOverlooked(session: Session, page: Page): Promise<void> {
  const { stream: { pagination, decode }, headers, where } = page;
  if (pagination.type === 'none' && pagination.first_page_only) return;
  const link = pagination.type === 'none' ? nextLink(headers.get('link') ?? '') : null;
  const looked = 'from' in pagination ? pagination.from : 'more' in pagination ? pagination.more : undefined;
  if (link === null && (decode !== 'json' || (pagination.type !== 'none' && (looked === undefined || await has(session, page, looked))))) return;
  const found = link === null ? await memberLeadingOn(session, page) : 'Link: rel=next';
  if (found === null) return;
  const remedy = pagination.type === 'none' ? 'name it in "pagination" of the stream, or write "pagination: { type: none, first_page_only: true }" if the rest is not wanted' : `"pagination" looks at "${looked}", which it does not have: correct that`;
  throw new SourceHeldError(`reading "${where}": the answer says by "${found}" that there are more pages; ${remedy}, then "millrace resume RUN"`);
}

async function has(session: Session, { file }: Page, member: string): Promise<boolean> {
  const row = await session.row(`SELECT CAST(json_exists(content, ${jsonPath(member)}) AS VARCHAR) AS found FROM read_text(${quoteLiteral(file)})`);
  return row['found'] === 'true';
}

/** At the top of the answer or in an object there; its records are not looked into. */
async function memberLeadingOn(session: Session, page: Page): Promise<string | null> {
  if (page.stream.records === '') return null;
  const top = await membersOf(session, page, []);
  const inner: Member[] = [];
  for (const { path, kind } of top.slice(0, 50)) if (kind === 'OBJECT' && !path.at(-1)!.includes('\0') && path.at(-1) !== '') inner.push(...await membersOf(session, page, path));
  return [...top, ...inner].find(({ path, value }) => (value === 'false' ? notTheLast.test(path.at(-1)!) : value !== null && !nothing.includes(value) && leadingOn.test(path.at(-1)!)))?.path.join('.') ?? null;
}

interface Member { readonly path: readonly string[]; readonly kind: string; readonly value: string | null }

async function membersOf(session: Session, { file, stream }: Page, path: readonly string[]): Promise<readonly Member[]> {
  const rows = await session.rows(`SELECT key AS name, type AS kind, CASE WHEN type NOT IN ('OBJECT', 'ARRAY') THEN CAST(value AS VARCHAR) END AS value FROM read_text(${quoteLiteral(file)}) AS page, json_each(page.content, ${pathOf(path)})`);
  return rows.map((row) => ({ path: [...path, row['name']!], kind: row['kind']!, value: row['value'] ?? null })).filter((member) => member.path.join('.') !== stream.records);
}
