import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { whoAsks } from './ask-run';
import type { AddCommand } from './door';
import { namesARun } from './find-run';
import { ask, isNotFound } from './follow';
import { signalRun } from './signal-run';

interface CancelFlags {
  readonly now?: boolean;
  readonly rollback?: boolean;
}

/** A run that no worker answers for within this time is ended without one. */
const patience = 10_000;

/** `cancel RUN`: ends it after what is in hand and writes its receipt; with `--now`, what is in hand stops. */
export const addCancel: AddCommand = ({ command, does }) => command('cancel', 'End a run; the destination stays as the last commit made it', 'millrace cancel orders\n  millrace cancel orders/run-2026-08-01T00:00:00Z --now --rollback')
  .argument('<run>', namesARun)
  .option('--now', 'stop what is in hand; where no worker answers, end it without one')
  .option('--rollback', 'take back what it has committed and not published')
  .action(does(({ environment, terminal }, word: string, { now = false, rollback = false }: CancelFlags) => signalRun({
    word, environment, terminal, asked: 'cancelled',
    // What is in hand may take thirty seconds to end.
    patience: 40_000,
    async send(client, runId) {
      await client.workflow.getHandle(runId).signal('cancel', { now, rollback, by: whoAsks() });
      if (now) await endUnanswered(client, runId);
    },
    reached: (state) => state === 'ended',
  })));

/** What such a run has not published is settled by the next one. */
async function endUnanswered(client: Client, runId: string): Promise<void> {
  const handle = client.workflow.getHandle(runId);
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(300)) {
    if ((await handle.describe()).status.name !== 'RUNNING' || await ask(client, runId, 'progress')) return;
  }
  await handle.terminate('millrace cancel --now: no worker answers').catch((error: unknown) => { if (!isNotFound(error)) throw error; });
}
