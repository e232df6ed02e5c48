import type { Environment } from '../config/environment';
import type { AddCommand } from './door';
import type { ExitCode } from './exit-codes';
import { namesARun } from './find-run';
import { signalRun } from './signal-run';
import type { Terminal } from './terminal';

/** `resume RUN`: ends a pause, and tries again what is held. */
export const resume = (word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> =>
  signalRun({
    word, environment, terminal, asked: 'resumed',
    // What is held is tried again at once, and may be held again before anybody looks.
    patience: 4000, steady: 1500,
    send: (client, runId) => client.workflow.getHandle(runId).signal('resume'),
    reached: (state) => state === 'running' || state === 'ended',
  });

export const addResume: AddCommand = ({ command, does }) => command('resume', 'Let a paused run go on, and try again what is held', 'millrace resume orders')
  .argument('<run>', namesARun)
  .action(does(({ environment, terminal }, word: string) => resume(word, environment, terminal)));
