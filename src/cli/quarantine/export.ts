import { createReadStream } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openFamily, stillOpen } from '../../activities/replay/marks';
import type { Environment } from '../../config/environment';
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
      `COPY (SELECT e.run AS run, ${quoteLiteral(stream)} AS stream, ${entryName} AS entry, e.step AS step, CAST(e.reasons AS JSON) AS reasons, CASE WHEN json_valid(e.raw) THEN CAST(e.raw AS JSON) ELSE to_json(e.raw) END AS record ` +
      `FROM entries e WHERE ${chosenSql(opened, flags)} AND ${stillOpen} ORDER BY e.run, e.position) TO ${quoteLiteral(part)} (FORMAT json)`);
    if (to !== null) await pipeline(createReadStream(part), (source) => appendEach(source, to));
    else await pipeline(createReadStream(part), process.stdout, { end: false });
  });
  if (to === null) return exitCodes.success;
  terminal.event('exported', { run: runName(opened.stored.run), rows, file: to });
  terminal.say(`${plural(rows, 'row')} of ${runName(opened.stored.run)} written to ${flags.to}; mend the records, then "millrace quarantine edit ${runName(opened.stored.run)} ${flags.to}"`);
  return exitCodes.success;
}

async function appendEach(source: AsyncIterable<Buffer>, to: string): Promise<void> {
  for await (const piece of source) await appendFile(to, piece, { mode: 0o600 });
}
