import pc from 'picocolors';
import { partStages } from '../domain/plan';
import type { StreamFigures } from './follow';
import type { Pace } from './pace';
import { columnsOf, compact, fitted, grouped, padded, plural, spokenBytes, spokenSeconds, spokenState } from './words';

export interface LineOptions {
  readonly width?: number;
  /** Columns for the stream's name. */
  readonly name?: number;
  readonly gap?: string;
  /** In front of the first line. */
  readonly lead?: string;
}

/** `orders  extract  1,200,000 rows  34.0 MB  350k/s  3/8 parts (1 extract, 2 load)  12 rejected  2 retries  4 s left`, on as many lines as it takes. */
export function linesOf(figures: StreamFigures, pace: Pace, { width = Number.POSITIVE_INFINITY, name = 18, gap = '  ', lead = '' }: LineOptions = {}): readonly string[] {
  const head = `${lead}${padded(fitted(figures.stream, name), name)} `;
  const lines: string[] = [];
  for (const word of wordsOf(figures, pace)) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(head) + last.length + gap.length + word.length <= width) lines[lines.length - 1] = `${last}${gap}${word}`;
    else lines.push(word);
  }
  return lines.map((line, at) => `${at === 0 ? head : ' '.repeat(columnsOf(head))}${line}`);
}

function wordsOf(figures: StreamFigures, { rate, byteRate, eta }: Pace): readonly string[] {
  const { state, read, bytes, rejected, retries } = figures;
  const speed = rate > 0 ? `${compact(rate)}/s` : byteRate > 0 ? `${spokenBytes(byteRate)}/s` : '';
  return [
    state === 'running' ? stageOf(figures) : spokenState(state),
    `${grouped(read)} rows`,
    bytes > 0 ? spokenBytes(bytes) : '',
    state === 'running' ? speed : '',
    partsOf(figures),
    rejected > 0 ? `${grouped(rejected)} rejected` : '',
    retries > 0 ? (retries === 1 ? '1 retry' : `${grouped(retries)} retries`) : '',
    eta !== null && state === 'running' ? `${spokenSeconds(eta)} left` : '',
  ].filter((word) => word !== '');
}

/** While partitions move, the stage of the one that is furthest behind. */
const stageOf = ({ stage, partitions: { stages } }: StreamFigures): string => (stage === 'extract' ? partStages.find((one) => (stages?.[one] ?? 0) > 0) ?? stage : stage);

function partsOf({ partitions: { total, done, stages } }: StreamFigures): string {
  if (total === 0) return '';
  const moving = partStages.filter((stage) => (stages?.[stage] ?? 0) > 0).map((stage) => `${stages![stage]} ${stage}`);
  return `${grouped(done)}/${plural(total, 'part')}${total > 1 && moving.length > 0 ? ` (${moving.join(', ')})` : ''}`;
}

const barWidth = 8;
/** How far a partition is that has entered a stage. */
const share = { extract: 1 / 6, transform: 3 / 6, load: 5 / 6 } as const;

/** Full only once the stream is published. */
export function barOf({ partitions: { total, done, stages }, state }: StreamFigures): string {
  const moved = total === 0 ? 0 : (done + partStages.reduce((sum, stage) => sum + (stages?.[stage] ?? 0) * share[stage], 0)) / total;
  const full = state === 'succeeded' || state === 'succeeded_with_rejects' ? barWidth : Math.min(barWidth - 1, Math.floor(moved * barWidth));
  return `${pc.green('█'.repeat(full))}${pc.dim('░'.repeat(barWidth - full))}`;
}

/** A screen of `height` lines: what moves or waits comes before what has ended, and what finds no room is counted. */
export function screenOf(streams: readonly StreamFigures[], pace: (stream: StreamFigures) => Pace, { width, height }: { readonly width: number; readonly height: number }): readonly string[] {
  const rank = ({ state }: StreamFigures): number => (state === 'queued' ? 2 : state === 'succeeded' || state === 'succeeded_with_rejects' || state === 'cancelled' ? 1 : 0);
  const blocks = streams.map((stream) => ({ stream, lines: linesOf(stream, pace(stream), { width: width - barWidth - 1, name: 14, gap: ' ' }) }));
  const all = blocks.reduce((sum, { lines }) => sum + lines.length, 0);
  let room = all > height ? height - 1 : height;
  const shown = new Set([...blocks].sort((left, right) => rank(left.stream) - rank(right.stream)).filter(({ lines }) => {
    if (lines.length > room) return false;
    room -= lines.length;
    return true;
  }));
  const left = blocks.filter((block) => !shown.has(block)).map(({ stream }) => spokenState(stream.state));
  const counts = [...new Set(left)].map((state) => `${left.filter((one) => one === state).length} ${state}`);
  return [
    ...blocks.filter((block) => shown.has(block)).flatMap(({ stream, lines }) => lines.map((line, at) => `${at === 0 ? barOf(stream) : ' '.repeat(barWidth)} ${line}`)),
    ...(left.length > 0 ? [`and ${left.length} more: ${counts.join(', ')}`] : []),
  ];
}
