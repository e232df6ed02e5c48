import type { Environment } from '../config/environment';
import type { ExitCode } from './exit-codes';
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
