import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { flattenOption, inferMembers, jsonRecords, pathOf, refusing } from './json-records';
import { judgeRecords } from './judge';
import { withExactNumbers } from './long-numbers';

interface Where {
  readonly records?: string | undefined;
  readonly add?: Readonly<Record<string, string>> | undefined;
}

/** Records as text. Where they stand inside the document it is in memory whole, so that suits the pages of an API, which are small. */
export const recordsOf = (path: string, { records, add = {} }: Where): string => {
  const found = records === undefined
    ? `(SELECT CAST(json AS VARCHAR) AS raw FROM read_json_objects(${quoteLiteral(path)}, format = 'array', maximum_object_size = 67108864))`
    : `(SELECT CAST(unnest(CASE json_type(content, ${at(records)}) WHEN 'ARRAY' THEN CAST(json_extract(content, ${at(records)}) AS JSON[]) WHEN 'OBJECT' THEN [json_extract(content, ${at(records)})] END) AS VARCHAR) AS raw FROM read_text(${quoteLiteral(path)}))`;
  return Object.keys(add).length === 0 ? found : `(SELECT ${added('raw', JSON.stringify(add))} AS raw FROM ${found})`;
};
const at = (records: string): string => pathOf(membersAt(records));

/** `data.items` → its members; an empty text is the document itself. */
export const membersAt = (path: string): readonly string[] => (path === '' ? [] : path.split('.'));

/** As text: a JSON function would write the record's numbers anew. */
const added = (raw: string, members: string): string =>
  `CASE WHEN raw = '{}' THEN ${quoteLiteral(members)} WHEN starts_with(${raw}, '{') THEN ${quoteLiteral(`${members.slice(0, -1)},`)} || substr(${raw}, 2) ELSE ${raw} END`;

const numberedOf = (path: string, where: Where): string => `(SELECT row_number() OVER () - 1 AS ordinal, NULL::BIGINT AS line, raw, NULL::VARCHAR AS problem, NULL::VARCHAR AS shown FROM ${recordsOf(path, where)})`;

export const json = defineFormat({
  name: 'json',
  summary: 'One JSON array of objects; nested values become JSON text, or columns with flatten',
  extensions: ['json'],
  optionsSchema: z.strictObject({
    encoding: encodingOption, flatten: flattenOption,
    records: z.string().optional().describe('Where the records stand in the document, such as data.items; empty: the document itself is the record or the list. For documents of some megabytes'),
    add: z.record(z.string(), z.string()).optional().describe('Members that every record gets'),
  }),
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, { flatten, ...where }, sampleRows) => withExactNumbers(session, path, (file, marked) => refusing(file, () => inferMembers(session, recordsOf(file, where), sampleRows, { flatten, marked }))),
  count: (session, path, where) => refusing(path, async () => Number((await session.row(`SELECT count(*) AS n FROM ${recordsOf(path, where)}`))['n'])),
  read: (session, { flatten, ...where }, request) => withExactNumbers(session, request.path, (path, marked) =>
    refusing(path, () => judgeRecords(session, jsonRecords(numberedOf(path, where), request.columns, flatten, marked), request))),
});
