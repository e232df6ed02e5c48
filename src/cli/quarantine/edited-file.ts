import path from 'node:path';
import { stillOpen } from '../../activities/replay/marks';
import { unknownWord } from '../../config/problems';
import { ConfigurationError } from '../../domain/errors';
import type { Plan } from '../../domain/plan';
import { withLines } from '../../formats/lines-of';
import { compactJson, withMarks, withoutMarks } from '../../formats/long-numbers';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { plural } from '../words';
import { entryName } from './common';

/** Table `lines` of line, run, stream, entry and record (JSON text, digit for digit) of a file that "quarantine export" wrote and a person mended. */
export async function openEdited(session: Session, file: string, streams: readonly string[]): Promise<void> {
  const json = 'ltrim(raw, chr(65279))';
  const member = (name: string): string => `json_extract_string(valid, '$.${name}') AS ${name}`;
  await withLines(session, { path: path.resolve(file) }, (from) => session.run(
    `CREATE TEMP TABLE lines AS SELECT line, ${['run', 'stream', 'entry'].map(member).join(', ')}, ${withoutMarks("CAST(json_extract(valid, '$.record') AS VARCHAR)")} AS record, json_type(valid, '$.record') AS kind ` +
    `FROM (SELECT line, CASE WHEN problem IS NULL AND json_valid(${json}) THEN ${withMarks(json)} END AS valid FROM ${from})`));
  await refuse(session, file, 'run IS NULL OR stream IS NULL OR entry IS NULL', 'is not as "quarantine export" writes it: an object of run, stream, entry and record');
  await refuse(session, file, "coalesce(kind, '') NOT IN ('OBJECT', 'VARCHAR')", 'has no record; a record is {"column": "value"}');
  await refuse(session, file, `stream NOT IN (${streams.map(quoteLiteral).join(', ')})`, 'is of a stream that the run does not have');
  await refuse(session, file, 'count(*) OVER (PARTITION BY run, stream, entry) > 1', 'names a row that another line names too; leave one of them');
}

/** The first line for which a condition holds, and how many there are. */
async function refuse(session: Session, file: string, condition: string, what: string): Promise<void> {
  const { line, more } = await session.row(`SELECT min(line) AS line, count(*) - 1 AS more FROM (SELECT line, (${condition}) AS wrong FROM lines l) WHERE wrong`);
  if (line !== null) throw new ConfigurationError(`editing rows: line ${line} of "${file}" ${what}${more === '0' ? '' : ` (and ${plural(Number(more), 'more line')})`}; nothing was changed`, { file, line: line! });
}

/** SELECT of the records that are other than those in quarantine. Lines that name no open row, or columns that there are none of, are a mistake of the file as a whole. */
export async function editedRecords(session: Session, stream: string, file: string, plan: Plan | null): Promise<string> {
  const mine = `l.stream = ${quoteLiteral(stream)}`;
  await refuse(session, file, `${mine} AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.run = l.run AND ${entryName} = l.entry AND ${stillOpen})`, 'names no open row of the run and its replays: it was replayed or discarded since, or never was; export them again');
  await refuseUnknownColumns(session, file, mine, plan);
  return `SELECT e.run, e.place, e.row, l.record AS raw FROM lines l JOIN entries e ON e.run = l.run AND ${entryName} = l.entry WHERE ${mine} AND l.record IS DISTINCT FROM CASE WHEN json_valid(e.raw) THEN ${compactJson('e.raw')} ELSE CAST(to_json(e.raw) AS VARCHAR) END`;
}

/** A value under a name that nothing reads would be lost without a word. */
async function refuseUnknownColumns(session: Session, file: string, mine: string, plan: Plan | null): Promise<void> {
  if (!plan) return;
  const names = [...new Set([...plan.names, ...plan.columns.map(({ name }) => name)])];
  const known = new Set(names.flatMap((name) => [name, name.split('.')[0]!]));
  const [wrong] = await session.rows(
    `SELECT line, key FROM (SELECT l.line, unnest(json_keys(l.record)) AS key, e.raw FROM lines l JOIN entries e ON e.run = l.run AND ${entryName} = l.entry WHERE ${mine} AND l.kind = 'OBJECT') ` +
    `WHERE key NOT IN (${[...known].map(quoteLiteral).join(', ')}) AND NOT (json_valid(raw) AND json_type(raw) = 'OBJECT' AND list_contains(json_keys(raw), key)) ORDER BY line LIMIT 1`);
  if (wrong) throw new ConfigurationError(`editing rows: line ${wrong['line']} of "${file}": ${unknownWord('column', wrong['key']!, names)}; nothing was changed`, { file, line: wrong['line']! });
}
