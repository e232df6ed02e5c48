import { existsSync } from 'node:fs';
import { openFamily, stillOpen } from '../../activities/replay/marks';
import { openArtefacts } from '../../activities/artefacts';
import type { Environment } from '../../config/environment';
import { unknownWord } from '../../config/problems';
import { ConfigurationError } from '../../domain/errors';
import type { Plan } from '../../domain/plan';
import { withMarks, withoutMarks } from '../../formats/long-numbers';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { exitCodes, type ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { plural } from '../words';
import { recordChange } from './change';
import { chosenSql, eachStream, isFiltered, openNamed, refuseUnpublished, runName, type FilterFlags } from './common';
import { editedRecords, openEdited } from './edited-file';

export interface EditFlags extends FilterFlags {
  readonly set?: readonly string[];
  readonly all?: boolean;
  readonly why?: string;
}

/** `quarantine edit RUN FILE`, or `--set column=value`: other records for open rows. What came stays in quarantine; a replay takes what was mended. */
export async function quarantineEdit(word: string, file: string | undefined, flags: EditFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  if ((file === undefined) === (flags.set === undefined)) throw new ConfigurationError('editing rows: name a file that "quarantine export" wrote, or say --set column=value for rows that a filter chooses');
  if (file !== undefined && !existsSync(file)) throw new ConfigurationError(`editing rows: "${file}" does not exist`, { file });
  if (flags.set && !isFiltered(flags) && !flags.all) throw new ConfigurationError('editing rows: choose them with --reason, --step or --column, or say --all');
  const opened = await openNamed(word, undefined, 'editing rows of', environment);
  let rows = 0;
  const known: string[] = [];
  const each = (work: (session: Session, stream: string, plan: Plan | null) => Promise<void>): Promise<void> => eachStream(environment, opened.streams, async (session, stream) => {
    await openFamily(session, opened.staging, opened.family, stream);
    await work(session, stream, await openArtefacts(opened.staging).plan.find(opened.family.original.run, stream));
  });
  const mended = async (session: Session, stream: string, plan: Plan | null): Promise<string | null> => {
    if (file === undefined) {
      known.push(...plan?.names ?? [], ...plan?.columns.map(({ name }) => name) ?? []);
      const patch = patchOf(flags.set!, plan?.names ?? []);
      return patch === null ? null : patched(patch, chosenSql(opened, flags));
    }
    await openEdited(session, file, opened.streams);
    return await editedRecords(session, stream, file, plan);
  };
  // A file is right as a whole or nothing of it is taken.
  if (file !== undefined && opened.streams.length > 1) await each(async (session, stream, plan) => void await mended(session, stream, plan));
  await each(async (session, stream, plan) => {
    const select = await mended(session, stream, plan);
    if (select === null) return;
    await session.run(`CREATE TEMP TABLE mending AS ${select}`);
    if ((await session.row('SELECT count(*) AS n FROM mending'))['n'] !== '0') await refuseUnpublished(opened, [stream], 'editing');
    rows += await recordChange({ session, opened, stream, kind: 'edits', why: flags.why ?? null, table: 'mending' });
  });
  if (flags.set) refuseUnknown(flags.set, known);
  terminal.event('edited', { run: runName(opened.stored.run), rows });
  terminal.say(rows === 0 ? 'no record is another than it was' : `${plural(rows, 'record')} of ${runName(opened.stored.run)} mended; load them with "millrace quarantine replay ${runName(opened.stored.run)}"`);
  return exitCodes.success;
}

const nameOf = (assignment: string): string => assignment.slice(0, assignment.indexOf('='));

function refuseUnknown(assignments: readonly string[], known: readonly string[]): void {
  const wrong = assignments.find((one) => !known.includes(nameOf(one)));
  if (wrong !== undefined) throw new ConfigurationError(`editing rows: ${unknownWord('column', nameOf(wrong), [...new Set(known)])}`);
}

/** `--set total=12.50 --set note=` as a JSON object; null: the stream has no such column. */
function patchOf(assignments: readonly string[], names: readonly string[]): string | null {
  const malformed = assignments.find((one) => !/^[^=]+=/.test(one));
  if (malformed !== undefined) throw new ConfigurationError(`editing rows: "${malformed}" is no assignment; write --set column=value`);
  if (!assignments.every((one) => names.includes(nameOf(one)))) return null;
  return JSON.stringify(Object.fromEntries(assignments.map((one) => [nameOf(one), one.slice(one.indexOf('=') + 1)])));
}

const patched = (patch: string, chosen: string): string =>
  `SELECT run, place, row, ${withoutMarks(`CAST(json_merge_patch(CAST(${withMarks('raw')} AS JSON), CAST(${quoteLiteral(patch)} AS JSON)) AS VARCHAR)`)} AS raw FROM entries e WHERE ${chosen} AND ${stillOpen} AND json_valid(raw) AND json_type(raw) = 'OBJECT'`;
