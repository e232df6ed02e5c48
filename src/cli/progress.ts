import { MultiBar, type SingleBar } from 'cli-progress';
import type { Figures } from './follow';
import { createPacer } from './pace';
import { screenWidth } from './plain-table';
import { linesOf, screenOf } from './progress-lines';
import type { Terminal } from './terminal';

/** Shows how a run is getting on; one call per look. */
export interface ProgressView {
  show(figures: Figures): void;
  /** A sentence that stays, above what is drawn over. */
  note(text: string): void;
  stop(): void;
}

export const openProgress = (terminal: Terminal): ProgressView => (terminal.json ? eventView(terminal) : terminal.live ? barView() : lineView(terminal));

function eventView(terminal: Terminal): ProgressView {
  const pacers = new Map<string, ReturnType<typeof createPacer>>();
  const told = new Map<string, string>();
  return {
    show(figures) {
      const run = figures.run ?? '';
      const pace = pacers.get(run) ?? createPacer();
      pacers.set(run, pace);
      const streams = figures.streams.map((stream) => ({ ...stream, ...pace(stream) }));
      const text = JSON.stringify(figures);
      if (text === told.get(run)) return;
      told.set(run, text);
      terminal.event('progress', { ...figures, streams });
    },
    note: (message) => terminal.event('note', { message }),
    stop: () => undefined,
  };
}

/** Plain lines for logs: a stream speaks when its state or stage changes, else every five seconds. */
function lineView(terminal: Terminal, every = 5000): ProgressView {
  const pace = createPacer();
  const spoken = new Map<string, { readonly mark: string; readonly at: number; readonly text: string }>();
  return {
    show(figures) {
      for (const stream of figures.streams) {
        const paced = pace(stream);
        const mark = `${stream.state} ${stream.stage}`;
        // Rates change by themselves; what counts is whether anything has moved.
        const text = JSON.stringify(stream);
        const last = spoken.get(stream.stream);
        if (stream.state === 'queued' || (last?.mark === mark && (Date.now() - last.at < every || last.text === text))) continue;
        spoken.set(stream.stream, { mark, at: Date.now(), text });
        for (const line of linesOf(stream, paced)) terminal.say(line);
      }
    },
    note: (text) => terminal.say(text),
    stop: () => undefined,
  };
}

/** Drawn over in place, within the screen: a line that wraps or scrolls away could not be. */
function barView(): ProgressView {
  const pace = createPacer();
  const rows: SingleBar[] = [];
  const multi = new MultiBar({ format: '{line}', clearOnComplete: true, hideCursor: true, forceRedraw: true, linewrap: false });
  return {
    show({ streams }) {
      const lines = screenOf(streams, pace, { width: screenWidth() - 1, height: Math.max(3, (process.stdout.rows ?? 24) - 2) });
      while (rows.length < lines.length) rows.push(multi.create(1, 0, { line: '' }));
      while (rows.length > lines.length) multi.remove(rows.pop()!);
      rows.forEach((row, at) => row.update(0, { line: lines[at]! }));
      multi.update();
    },
    note: (text) => multi.log(`${text}\n`),
    stop: () => multi.stop(),
  };
}
