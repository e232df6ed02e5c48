import { z } from 'zod';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { flattenOption, inferMembers, jsonRecords } from './json-records';
import { judgeRecords } from './judge';
import { countLines, withLines } from './lines-of';

export const jsonl = defineFormat({
  name: 'jsonl',
  summary: 'One JSON object per line; blank lines do not count, nested values become JSON text, or columns with flatten',
  extensions: ['jsonl', 'ndjson'],
  optionsSchema: z.strictObject({ encoding: encodingOption, flatten: flattenOption }),
  cutsAtLines: true,
  followable: true,
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, { flatten }, sampleRows) => withLines(session, { path }, (from) => inferMembers(session, from, sampleRows, { flatten })),
  count: (session, path) => countLines(session, { path }),
  read: (session, { flatten }, request) => withLines(session, request, (from) => judgeRecords(session, jsonRecords(from, request.columns, flatten), request)),
  copyOptions: () => 'FORMAT json',
});
