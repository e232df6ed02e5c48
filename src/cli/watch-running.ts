import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../config/environment';
import { needServer } from './connect';
import type { Figures } from './follow';
import { onceEach, openProgress } from './progress';
import { findRunning, type Running } from './running';
import type { Terminal } from './terminal';

const lookEvery = 1000;

/** `status --watch`: draws what runs, until none of it does. Watching ends nothing but itself. */
export async function watchRunning(word: string | undefined, environment: Environment, terminal: Terminal): Promise<void> {
  const server = await needServer(environment);
  const view = onceEach(openProgress(terminal));
  const last = new Map<string, Figures>();
  try {
    for (;;) {
      const running = await findRunning(server.client, word, last);
      if (running.length === 0) return;
      for (const { runId, figures } of running) {
        const said = figures ? figures.message : 'no worker answers; start "millrace worker" or "millrace dev"';
        if (said) view.note(`${runId}: ${said}`);
        if (figures) last.set(runId, figures);
      }
      view.show(together(running));
      await sleep(lookEvery);
    }
  } finally {
    view.stop();
    await server.close();
  }
}

/** One picture of them all; where there are several, a stream carries its pipeline's name. */
function together(running: readonly Running[]): Figures {
  const streams = running.flatMap(({ runId, figures }) => (figures?.streams ?? []).map((stream) => (running.length === 1 ? stream : { ...stream, stream: `${runId.split('/')[0]}.${stream.stream}` })));
  return { state: running.length === 1 ? running[0]!.figures?.state ?? 'running' : 'running', message: null, streams };
}
