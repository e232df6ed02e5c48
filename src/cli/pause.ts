import type { Environment } from '../config/environment';
import type { AddCommand } from './door';
import type { ExitCode } from './exit-codes';
import { namesARun } from './find-run';
import { signalRun } from './signal-run';
import type { Terminal } from './terminal';

/** `pause RUN`: what runs stops at its next safe place. */
export const pause = (word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> =>
  signalRun({
    word, environment, terminal, asked: 'paused',
    send: (client, runId) => client.workflow.getHandle(runId).signal('pause'),
    reached: (state) => state === 'paused' || state === 'pausing' || state === 'ended',
  });

export const addPause: AddCommand = ({ command, does }) => command('pause', 'Stop a run at its next safe place', 'millrace pause orders')
  .argument('<run>', namesARun)
  .action(does(({ environment, terminal }, word: string) => pause(word, environment, terminal)));
