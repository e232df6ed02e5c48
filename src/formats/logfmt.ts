import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { encodingOf, encodingOption } from './encoding';
import { defineFormat } from './format';
import { namesInOrder, kindsIn, kindsOf, typeOfKinds } from './infer';
import { countLines, tallyOfLines, withLines } from './lines-of';
import { readLines } from './read-lines';

const pair = String.raw`[^\s="]+(?:=(?:"(?:[^"\\]|\\.)*"|[^\s"]*))?`;
const whole = String.raw`\s*(?:${pair}(?:\s+|$))+`;

/** The first one of a key counts. */
const tokenOf = (key: string): string => `tokens[list_position(keys, ${quoteLiteral(key)})]`;
const valueOf = (key: string): string => decoded(tokenOf(key), key.length);

/** A key without a value is true. */
function decoded(token: string, keyLength: number): string {
  const value = `substr(${token}, ${keyLength + 2})`;
  const unquoted = `replace(replace(replace(replace(substr(${value}, 2, length(${value}) - 2), '\\\\', chr(1)), '\\"', '"'), '\\n', chr(10)), chr(1), '\\')`;
  return `CASE WHEN ${token} IS NULL THEN NULL WHEN NOT contains(${token}, '=') THEN 'true' WHEN starts_with(${value}, '"') THEN ${unquoted} ELSE nullif(${value}, '') END`;
}

const tokenized = (from: string): string =>
  `(SELECT *, list_transform(tokens, lambda token: split_part(token, '=', 1)) AS keys FROM (SELECT *, regexp_extract_all(raw, ${quoteLiteral(pair)}) AS tokens, regexp_full_match(raw, ${quoteLiteral(whole)}) AS valid FROM ${from}))`;

export const logfmt = defineFormat({
  name: 'logfmt',
  summary: 'key=value lines; quoted values, a key alone is true',
  extensions: ['logfmt'],
  cutsAtLines: true,
  followable: true,
  optionsSchema: z.strictObject({ encoding: encodingOption }),
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  infer: (session, path, _options, sampleRows) => withLines(session, { path }, async (from) => {
    const sample = `(SELECT * FROM ${tokenized(from)} WHERE valid LIMIT ${sampleRows})`;
    const names = (await session.rows(namesInOrder('keys', sample))).map((row) => row['name']!);
    if (names.length === 0) return [];
    const row = await kindsIn(session, names.map((_name, index) => kindsOf(`v${index}`, `f${index}_`)), `(SELECT ${names.map((name, index) => `${valueOf(name)} AS v${index}`).join(', ')} FROM ${sample})`);
    return names.map((name, index) => ({ name, type: typeOfKinds(row, `f${index}_`), nullable: true }));
  }),
  count: (session, path) => countLines(session, { path }),
  tally: async () => tallyOfLines({}),
  read: (session, _options, request) => readLines(session, { path: request.path }, request, (from) => ({
    records: `SELECT ordinal, line, tokens, keys, coalesce(shown, CAST(to_json(raw) AS VARCHAR)) AS raw, coalesce(problem, CASE WHEN NOT valid THEN 'is not made of key=value' END) AS problem FROM ${tokenized(from)}`,
    text: ({ name }) => valueOf(name),
  })),
});
