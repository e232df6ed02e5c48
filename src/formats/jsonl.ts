import { z } from 'zod';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { flattenOption, inferMembers, jsonRecords, membersInFile } from './json-records';
import { fitsOf, judgeRecords } from './judge';
import { countLines, withLines } from './lines-of';
import { hasLongNumbers, withExactNumbers, withLongNumbers } from './long-numbers';
import { lineTally } from './tally';
import { trustRecords } from './trust';

export const jsonl = defineFormat({
  name: 'jsonl',
  summary: 'One JSON object per line; blank lines do not count, nested values become JSON text, or columns with flatten',
  extensions: ['jsonl', 'ndjson'],
  optionsSchema: z.strictObject({ encoding: encodingOption, flatten: flattenOption }),
  cutsAtLines: true,
  followable: true,
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, { flatten }, sampleRows) => withExactNumbers(session, path, (file, marked) => withLines(session, { path: file }, (from) => inferMembers(session, from, sampleRows, { flatten, marked }))),
  count: (session, path) => countLines(session, { path }),
  tally: async () => withLongNumbers(lineTally()),
  async read(session, { flatten }, request) {
    const trusted = request.trusting ? membersInFile(request.path, request.columns, flatten) : null;
    if (trusted && !(await hasLongNumbers(request.path))) return await trustRecords(session, { from: trusted.from, texts: request.columns.map(trusted.text), fits: fitsOf(request.columns, undefined), damaged: [] }, request);
    return await withExactNumbers(session, request.path, (path, marked) => withLines(session, { path }, (from) => judgeRecords(session, jsonRecords(from, request.columns, flatten, marked), request)));
  },
  copyOptions: () => 'FORMAT json',
  // JSON has no such numbers, and no reader of JSON takes DuckDB's bare words for them.
  writtenAs: ({ type }, value) => (['FLOAT', 'DOUBLE'].includes(type.toUpperCase()) ? `CASE WHEN isfinite(${value}) THEN to_json(${value}) ELSE to_json(CASE WHEN isnan(${value}) THEN 'NaN' WHEN ${value} > 0 THEN 'Infinity' WHEN ${value} < 0 THEN '-Infinity' END) END` : value),
});
