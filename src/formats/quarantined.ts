import { z } from 'zod';
import type { Column } from '../domain/column';
import { quoteLiteral } from '../transforms/quote';
import { fitOf, typeSql, type Fit } from './fits';
import { defineFormat } from './format';
import { memberText } from './json-records';
import { judgeRecords } from './judge';
import { unmarked, withMarks } from './long-numbers';

/**
 * Records out of quarantine, one JSON text each: an object by the names of the source or those inside Millrace, or the text of what
 * could not be read at all. Written by replays, never named by users.
 */
export const quarantined = defineFormat({
  name: 'quarantined',
  summary: 'Records that were set aside',
  extensions: [],
  optionsSchema: z.strictObject({ names: z.array(z.string()).describe('Of the columns inside Millrace, in the plan\'s order'), flatten: z.boolean().default(false) }),
  infer: () => Promise.reject(new Error('quarantined records have no types of their own; the plan tells them')),
  count: async (session, path) => Number((await session.row(`SELECT count(*) AS n FROM read_parquet(${quoteLiteral(path)})`))['n']),
  read: (session, { names, flatten }, request) => judgeRecords(session, {
    records: `SELECT ordinal, CAST(NULL AS BIGINT) AS line, raw, body, CASE WHEN body IS NULL THEN ${quoteLiteral(notARecord)} END AS problem ` +
      `FROM (SELECT *, CASE WHEN json_type(valid) = 'OBJECT' THEN valid END AS body FROM (SELECT file_row_number AS ordinal, raw, CASE WHEN json_valid(raw) THEN ${withMarks('raw')} END AS valid FROM read_parquet(${quoteLiteral(request.path)}, file_row_number = true)))`,
    text: ({ name }, index) => unmarked(`coalesce(${[[names[index] ?? name], [name], ...(flatten && name.includes('.') ? [name.split('.')] : [])].map((members) => memberText('body', members)).join(', ')})`),
    fit: asItWasPrinted,
  }, request),
});

const notARecord = 'is the text of a record that could not be read; edit it into a record, {"column": "value"}';

/** What Millrace has printed it reads again; what a person wrote is held to the strict rule. */
function asItWasPrinted({ type }: Column, text: string): Fit {
  const value = `TRY_CAST(${text} AS ${type})`;
  const printed = `(${value} IS NOT NULL AND CAST(${value} AS VARCHAR) = ${text})`;
  const strict = isScalar(type) ? fitOf(text, type) : { misfit: `(${text} IS NOT NULL AND ${value} IS NULL)`, reason: `is not a ${type} value` };
  return { misfit: `(${strict.misfit} AND NOT ${printed})`, value, reason: strict.reason };
}

function isScalar(type: string): boolean {
  try {
    return typeSql(type) === type;
  } catch {
    return false;
  }
}
