import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineFormat } from './format';
import { inferMembers, readMembers, refusing } from './json-records';

/** Whole lines as text, so that a line that is not JSON is one reject and not the end of the file. */
const linesOf = (path: string): string =>
  `(SELECT raw FROM read_csv(${quoteLiteral(path)}, columns = {'raw': 'VARCHAR'}, header = false, auto_detect = false, delim = '\u0001', quote = '', escape = '', nullstr = '\u0002', max_line_size = 16777216, buffer_size = 33554432) WHERE trim(raw) <> '')`;

export const jsonl = defineFormat({
  name: 'jsonl',
  summary: 'One JSON object per line; blank lines do not count, nested values become JSON text',
  extensions: ['jsonl', 'ndjson'],
  cutsAtLines: true,
  optionsSchema: z.strictObject({}),
  infer: (session, path, _options, sampleRows) => refusing(path, () => inferMembers(session, linesOf(path), sampleRows)),
  count: (session, path) => refusing(path, async () => Number((await session.row(`SELECT count(*) AS n FROM ${linesOf(path)}`))['n'])),
  read: (session, _options, request) => refusing(request.path, () => readMembers(session, linesOf(request.path), request, true)),
  copyOptions: () => 'FORMAT json',
});
