import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineFormat } from './format';
import { inferMembers, readMembers, refusing } from './json-records';

const recordsOf = (path: string): string => `(SELECT CAST(json AS VARCHAR) AS raw FROM read_json_objects(${quoteLiteral(path)}, format = 'array', maximum_object_size = 67108864))`;

export const json = defineFormat({
  name: 'json',
  summary: 'One JSON array of objects; nested values become JSON text',
  extensions: ['json'],
  optionsSchema: z.strictObject({}),
  infer: (session, path, _options, sampleRows) => refusing(path, () => inferMembers(session, recordsOf(path), sampleRows)),
  count: (session, path) => refusing(path, async () => Number((await session.row(`SELECT count(*) AS n FROM ${recordsOf(path)}`))['n'])),
  read: (session, _options, request) => refusing(request.path, () => readMembers(session, recordsOf(request.path), request, false)),
});
