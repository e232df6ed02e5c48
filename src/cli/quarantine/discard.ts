import { openFamily, stillOpen } from '../../activities/replay/marks';
import type { Environment } from '../../config/environment';
import { ConfigurationError } from '../../domain/errors';
import { exitCodes, type ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { plural } from '../words';
import { recordChange } from './change';
import { chosenSql, eachStream, isFiltered, openNamed, runName, type FilterFlags } from './common';

export interface DiscardFlags extends FilterFlags {
  readonly why: string;
  readonly all?: boolean;
}

/** `quarantine discard RUN [STREAM]`: rows that shall not be loaded. They stay on record with who decided that, and why. */
export async function quarantineDiscard(word: string, only: string | undefined, flags: DiscardFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  if (flags.why.trim() === '') throw new ConfigurationError('discarding rows: say why with --why, it is kept with them');
  if (!isFiltered(flags) && !flags.all) throw new ConfigurationError('discarding rows: choose them with --reason, --step or --column, or say --all');
  const opened = await openNamed(word, only, 'discarding rows of', environment);
  let rows = 0;
  await eachStream(environment, opened.streams, async (session, stream) => {
    await openFamily(session, opened.staging, opened.family, stream);
    await session.run(`CREATE TEMP TABLE going AS SELECT run, place, row FROM entries e WHERE ${chosenSql(opened, flags)} AND ${stillOpen}`);
    rows += await recordChange({ session, opened, stream, kind: 'discards', why: flags.why, table: 'going' });
  });
  terminal.event('discarded', { run: runName(opened.stored.run), rows, why: flags.why });
  terminal.say(`${plural(rows, 'row')} of ${runName(opened.stored.run)} discarded`);
  return exitCodes.success;
}
