import { InvalidArgumentError } from 'commander';
import type { Environment } from '../config/environment';
import { ConfigurationError } from '../domain/errors';
import { askRun } from './ask-run';
import type { AddCommand } from './door';
import type { ExitCode } from './exit-codes';
import { namesARun } from './find-run';
import { loadGaps } from './load-gaps';
import type { Terminal } from './terminal';

export function partitionNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('write the number of a partition, such as 7.');
  return Number(text);
}

interface RetryFlags {
  readonly reread?: boolean;
  readonly gaps?: boolean;
}

/** `retry RUN [STREAM [PARTITION]]`: what is held, tried again; `--gaps`: what was skipped, loaded. */
export const addRetry: AddCommand = ({ command, does }) => command('retry', 'Try again what is held, or load what was skipped', 'millrace retry orders\n  millrace retry orders lines 7 --reread\n  millrace retry orders --gaps')
  .argument('<run>', namesARun)
  .argument('[stream]', 'stream; without it all that is held')
  .argument('[n]', 'number of a partition, as status shows it', partitionNumber)
  .option('--reread', 'ask the source again instead of using what was landed')
  .option('--gaps', 'a run of its own that loads what earlier runs skipped')
  .action(does(({ environment, terminal }, word: string, stream: string | undefined, partition: number | undefined, flags: RetryFlags) =>
    (flags.gaps ? loadGaps(word, stream, environment, terminal) : retry(word, stream, partition, flags.reread === true, environment, terminal))));

function retry(word: string, stream: string | undefined, partition: number | undefined, reread: boolean, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  if (reread && partition === undefined) throw new ConfigurationError('reading again needs a stream and a partition: millrace retry RUN STREAM PARTITION --reread');
  const what = partition !== undefined ? `partition ${partition} of "${stream}"` : stream === undefined ? 'what is held' : `what is held of "${stream}"`;
  return askRun({
    word, environment, terminal, update: 'retryPartition',
    request: { ...(stream === undefined ? {} : { stream }), ...(partition === undefined ? {} : { partition }), ...(reread ? { reread } : {}) },
    done: `${what} is ${reread ? 'read again' : 'tried again'}`,
  });
}
