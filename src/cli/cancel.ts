import type { Environment } from '../config/environment';
import type { AddCommand } from './door';
import type { ExitCode } from './exit-codes';
import { namesARun } from './find-run';
import { signalRun } from './signal-run';
import type { Terminal } from './terminal';

/**
 * `cancel RUN`: ends it after the commit in hand and writes its receipt. With `now` it is ended without asking any worker, for runs that
 * no worker answers for; what it had not published is settled by the next run either way.
 */
export const cancel = (word: string, { now }: { readonly now: boolean }, environment: Environment, terminal: Terminal): Promise<ExitCode> =>
  signalRun({
    word, environment, terminal, asked: 'cancelled',
    send: async (client, runId) => {
      const handle = client.workflow.getHandle(runId);
      await (now ? handle.terminate('millrace cancel --now') : handle.signal('cancel'));
    },
    reached: (state) => state === 'ended',
  });

export const addCancel: AddCommand = ({ command, does }) => command('cancel', 'End a run; the destination stays as the last commit made it', 'millrace cancel orders/run-2026-08-01T00:00:00Z')
  .argument('<run>', namesARun)
  .option('--now', 'without waiting for a worker; the next run settles what is left')
  .action(does(({ environment, terminal }, word: string, flags: { readonly now?: boolean }) => cancel(word, { now: flags.now === true }, environment, terminal)));
