import { createReadStream } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openFamily, stillOpen } from '../../activities/replay/marks';
import type { Environment } from '../../config/environment';
import { compactJson } from '../../formats/long-numbers';
import { quoteLiteral } from '../../transforms/quote';
import { exitCodes, type ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { plural } from '../words';
import { chosenSql, eachStream, entryName, openNamed, runName, type FilterFlags } from './common';

export interface ExportFlags extends FilterFlags {
  readonly to?: string;
}

/** `quarantine export RUN [STREAM]`: open rows as JSON lines, each with what names it, so that they can come back by `edit`. */
export async function quarantineExport(word: string, only: string | undefined, flags: ExportFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const opened = await openNamed(word, only, 'exporting the quarantine of', environment);
  const to = flags.to === undefined ? null : path.resolve(flags.to);
  if (to !== null) await rm(to, { force: true });
  let rows = 0;
  await eachStream(environment, opened.streams, async (session, stream) => {
    await openFamily(session, opened.staging, opened.family, stream);
    const part = path.join(session.scratch(), 'rows.jsonl');
    rows += await session.changed(
      `COPY (SELECT ${lineSql(stream)} FROM entries e WHERE ${chosenSql(opened, flags)} AND ${stillOpen} ORDER BY e.run, e.position) ` +
      `TO ${quoteLiteral(part)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')`);
    if (to !== null) await pipeline(createReadStream(part), (source) => appendEach(source, to));
    else await pipeline(createReadStream(part), process.stdout, { end: false });
  });
  if (to === null) return exitCodes.success;
  terminal.event('exported', { run: runName(opened.stored.run), rows, file: to });
  terminal.say(`${plural(rows, 'row')} of ${runName(opened.stored.run)} written to ${flags.to}; mend the records, then "millrace quarantine edit ${runName(opened.stored.run)} ${flags.to}"`);
  return exitCodes.success;
}

/** A line of the file, put together as text: a number stays as it was written. */
function lineSql(stream: string): string {
  const text = (sql: string): string => `CAST(to_json(${sql}) AS VARCHAR)`;
  const members = { run: text('e.run'), stream: text(quoteLiteral(stream)), entry: text(`(${entryName})`), step: text('e.step'), reasons: 'e.reasons', record: `CASE WHEN json_valid(e.raw) THEN ${compactJson('e.raw')} ELSE ${text('e.raw')} END` };
  return `concat('{', ${Object.entries(members).map(([name, sql], index) => `'${index === 0 ? '' : ','}"${name}":', ${sql}`).join(', ')}, '}')`;
}

async function appendEach(source: AsyncIterable<Buffer>, to: string): Promise<void> {
  for await (const piece of source) await appendFile(to, piece, { mode: 0o600 });
}
