import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../config/environment';
import { needServer } from './connect';
import type { Figures } from './follow';
import { createNews, type News } from './news';
import { openProgress } from './progress';
import { findRunning, type Running } from './running';
import { throughOutages } from './server-away';
import type { Terminal } from './terminal';
import { nextSentence, waitsOf } from './waits';

const lookEvery = 1000;

/** `status --watch`: draws what runs, until none of it does. Watching ends nothing but itself. */
export async function watchRunning(word: string | undefined, environment: Environment, terminal: Terminal): Promise<void> {
  const server = await needServer(environment);
  const view = openProgress(terminal);
  const last = new Map<string, Figures>();
  const news = new Map<string, News>();
  try {
    for (;;) {
      const running = await throughOutages(() => findRunning(server.client, word, last));
      for (const runId of [...news.keys()].filter((known) => !running.some((one) => one.runId === known))) {
        terminal.event('ended', { run: runId });
        news.delete(runId);
      }
      if (running.length === 0) return;
      for (const one of running) {
        if (!news.has(one.runId)) news.set(one.runId, createNews());
        tellNews(one, news.get(one.runId)!, view, terminal);
        if (one.figures) last.set(one.runId, one.figures);
      }
      if (terminal.json) running.forEach(({ figures }) => { if (figures) view.show(figures); });
      else view.show(together(running));
      await sleep(lookEvery);
    }
  } finally {
    view.stop();
    await server.close();
  }
}

const silentWith = (missing = 'no worker answers; start "millrace worker" or "millrace dev"'): Figures => ({ state: 'stalled', message: missing, streams: [] });

/** What it waits for, as soon as it does, with the command that goes on. */
function tellNews({ runId, figures, missing }: Running, news: News, view: ReturnType<typeof openProgress>, terminal: Terminal): void {
  const seen = figures ?? silentWith(missing);
  const waits = waitsOf(seen, runId);
  const begins = news.begins(waits);
  if (begins) terminal.event(waits!.state, { run: runId, ...waits! });
  for (const line of news.of(seen)) view.note(`${runId}: ${line}`);
  const next = begins && waits ? nextSentence(waits) : null;
  if (next) view.note(`${runId}: ${next}`);
}

/** One picture of them all; where there are several, a stream carries its pipeline's name. */
function together(running: readonly Running[]): Figures {
  const streams = running.flatMap(({ runId, figures }) => (figures?.streams ?? []).map((stream) => (running.length === 1 ? stream : { ...stream, stream: `${runId.split('/')[0]}.${stream.stream}` })));
  return { state: running.length === 1 ? running[0]!.figures?.state ?? 'running' : 'running', message: null, streams };
}
