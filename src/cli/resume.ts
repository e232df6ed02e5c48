import type { Environment } from '../config/environment';
import type { ExitCode } from './exit-codes';
import { signalRun } from './signal-run';
import type { Terminal } from './terminal';

/** `resume RUN`: ends a pause, and tries again what is held. */
export const resume = (word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> =>
  signalRun({
    word, environment, terminal, asked: 'resumed',
    send: (client, runId) => client.workflow.getHandle(runId).signal('resume'),
    reached: (state) => state === 'running' || state === 'ended',
  });
