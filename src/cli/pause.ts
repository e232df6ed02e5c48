import { whoAsks } from './ask-run';
import type { AddCommand } from './door';
import { namesARun } from './find-run';
import { pauseUntil } from './pause-until';
import { signalRun } from './signal-run';

interface PauseFlags {
  readonly until?: string;
  readonly reason?: string;
}

/** `pause RUN`: what runs stops at its next safe place. */
export const addPause: AddCommand = ({ command, does }) => command('pause', 'Stop a run at its next safe place', 'millrace pause orders\n  millrace pause orders --until "Mon 08:00" --reason "the source is needed"')
  .argument('<run>', namesARun)
  .option('--until <time>', 'go on by itself then: "Mon 08:00", "2 hours", …')
  .option('--reason <text>', 'why, for those who look at it')
  .action(does(({ environment, terminal }, word: string, { until, reason }: PauseFlags) => {
    const request = { by: whoAsks(), ...(until === undefined ? {} : { until: pauseUntil(until) }), ...(reason === undefined ? {} : { reason }) };
    return signalRun({
      word, environment, terminal, asked: 'paused',
      send: (client, runId) => client.workflow.getHandle(runId).signal('pause', request),
      reached: (state) => state === 'paused' || state === 'pausing' || state === 'ended',
    });
  }));
