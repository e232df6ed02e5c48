import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { flattenOption, inferMembers, jsonRecords, refusing } from './json-records';
import { judgeRecords } from './judge';

const recordsOf = (path: string): string => `(SELECT CAST(json AS VARCHAR) AS raw FROM read_json_objects(${quoteLiteral(path)}, format = 'array', maximum_object_size = 67108864))`;
const numberedOf = (path: string): string => `(SELECT row_number() OVER () - 1 AS ordinal, NULL::BIGINT AS line, raw, NULL::VARCHAR AS problem, NULL::VARCHAR AS shown FROM ${recordsOf(path)})`;

export const json = defineFormat({
  name: 'json',
  summary: 'One JSON array of objects; nested values become JSON text, or columns with flatten',
  extensions: ['json'],
  optionsSchema: z.strictObject({ encoding: encodingOption, flatten: flattenOption }),
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, { flatten }, sampleRows) => refusing(path, () => inferMembers(session, recordsOf(path), sampleRows, { flatten })),
  count: (session, path) => refusing(path, async () => Number((await session.row(`SELECT count(*) AS n FROM ${recordsOf(path)}`))['n'])),
  read: (session, { flatten }, request) => refusing(request.path, () => judgeRecords(session, jsonRecords(numberedOf(request.path), request.columns, flatten), request)),
});
