import { MultiBar, type SingleBar } from 'cli-progress';
import pc from 'picocolors';
import type { Figures, StreamFigures } from './follow';
import type { Terminal } from './terminal';
import { compact, fitted, grouped, spokenSeconds, spokenState } from './words';

/** Shows how a run is getting on; one call per look. */
export interface ProgressView {
  show(figures: Figures): void;
  /** A sentence that stays, above what is drawn over. */
  note(text: string): void;
  stop(): void;
}

export const openProgress = (terminal: Terminal): ProgressView => (terminal.json ? eventView(terminal) : terminal.live ? barView() : lineView(terminal));

/** The run repeats what it waits for at each look; it is told once. */
export function onceEach(view: ProgressView): ProgressView {
  const told = new Set<string>();
  const note = (text: string): void => {
    if (!told.has(text)) view.note(text);
    told.add(text);
  };
  return { ...view, note };
}

interface Pace {
  /** Rows per second over the last looks. */
  readonly rate: number;
  /** Seconds to go; null: nobody can tell. */
  readonly eta: number | null;
}

/** Rates over a window of half a minute: shorter ones jump with every partition. */
export function createPacer(now: () => number = Date.now): (figures: StreamFigures) => Pace {
  const looks = new Map<string, { readonly at: number; readonly read: number }[]>();
  return ({ stream, read, estimatedRows }) => {
    const kept = [...(looks.get(stream) ?? []), { at: now(), read }].filter(({ at }) => now() - at <= 30_000);
    looks.set(stream, kept);
    const first = kept[0]!;
    const seconds = (now() - first.at) / 1000;
    const rate = seconds > 0 ? (read - first.read) / seconds : 0;
    const left = estimatedRows === null ? null : Math.max(0, estimatedRows - read);
    return { rate, eta: left !== null && rate > 0 ? left / rate : null };
  };
}

const partText = ({ partitions }: StreamFigures): string => (partitions.total === 0 ? '' : `${partitions.done}/${partitions.total} parts`);

/** `orders  extract  1,200,000 rows  350k/s  3/8 parts  12 rejected  4 s left` */
export function lineOf(figures: StreamFigures, { rate, eta }: Pace, { name, gap }: { readonly name: number; readonly gap: string } = { name: 18, gap: '  ' }): string {
  const words = [
    figures.state === 'running' ? figures.stage : spokenState(figures.state),
    `${grouped(figures.read)} rows`,
    ...(rate > 0 ? [`${compact(rate)}/s`] : []),
    ...(partText(figures) ? [partText(figures)] : []),
    ...(figures.rejected > 0 ? [`${grouped(figures.rejected)} rejected`] : []),
    ...(eta !== null && figures.state === 'running' ? [`${spokenSeconds(eta)} left`] : []),
  ];
  return `${fitted(figures.stream, name).padEnd(name)} ${words.join(gap)}`;
}

function eventView(terminal: Terminal): ProgressView {
  const pace = createPacer();
  let last = '';
  return {
    show(figures) {
      const text = JSON.stringify(figures);
      if (text === last) return;
      last = text;
      terminal.event('progress', { state: figures.state, message: figures.message, streams: figures.streams.map((stream) => ({ ...stream, ...pace(stream) })) });
    },
    note: (message) => terminal.event('note', { message }),
    stop: () => undefined,
  };
}

/** Plain lines for logs: a stream speaks when its state or stage changes, else every five seconds. */
function lineView(terminal: Terminal, every = 5000): ProgressView {
  const pace = createPacer();
  const spoken = new Map<string, { readonly mark: string; readonly at: number; readonly read: number }>();
  return {
    show(figures) {
      for (const stream of figures.streams) {
        const paced = pace(stream);
        const mark = `${stream.state} ${stream.stage}`;
        const last = spoken.get(stream.stream);
        if (stream.state === 'queued' || (last?.mark === mark && (Date.now() - last.at < every || last.read === stream.read))) continue;
        spoken.set(stream.stream, { mark, at: Date.now(), read: stream.read });
        terminal.say(lineOf(stream, paced));
      }
    },
    note: (text) => terminal.say(text),
    stop: () => undefined,
  };
}

function barView(): ProgressView {
  const pace = createPacer();
  const bars = new Map<string, SingleBar>();
  const multi = new MultiBar({ format: '{line}', clearOnComplete: true, hideCursor: true, barsize: 12, forceRedraw: true, linewrap: false });
  return {
    show(figures) {
      for (const stream of figures.streams) {
        const bar = bars.get(stream.stream) ?? multi.create(1, 0, { line: '' });
        bars.set(stream.stream, bar);
        bar.update(0, { line: `${barOf(stream)} ${lineOf(stream, pace(stream), { name: 14, gap: ' ' }).slice(0, 75)}` });
      }
      multi.update();
    },
    note: (text) => multi.log(`${text}\n`),
    stop: () => multi.stop(),
  };
}

function barOf({ partitions, state }: StreamFigures): string {
  const share = state === 'succeeded' ? 1 : partitions.total === 0 ? 0 : partitions.done / partitions.total;
  const full = Math.round(share * 4);
  return `${pc.green('█'.repeat(full))}${pc.dim('░'.repeat(4 - full))}`;
}
