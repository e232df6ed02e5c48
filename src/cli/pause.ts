import type { Environment } from '../config/environment';
import type { ExitCode } from './exit-codes';
import { signalRun } from './signal-run';
import type { Terminal } from './terminal';

/** `pause RUN`: what runs stops at its next safe place. */
export const pause = (word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> =>
  signalRun({
    word, environment, terminal, asked: 'paused',
    send: (client, runId) => client.workflow.getHandle(runId).signal('pause'),
    reached: (state) => state === 'paused' || state === 'pausing' || state === 'ended',
  });
