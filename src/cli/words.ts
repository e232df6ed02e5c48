import pc from 'picocolors';
import stringWidth from 'string-width';
import type { RunState } from '../domain/receipt';

/** `3000000` → `3,000,000`, the same in every locale. */
export const grouped = (count: number): string => Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ',');

/** `350000` → `350k`: for rates, where the rest is noise. */
export const compact = (count: number): string => (count < 10_000 ? grouped(count) : count < 10_000_000 ? `${grouped(count / 1000)}k` : `${grouped(count / 1e6)}M`);

/** `1234567` → `1.2 MB`. */
export const spokenBytes = (bytes: number): string => (bytes < 1e6 ? `${grouped(Math.ceil(bytes / 1e3))} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);

export const plural = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** `75` → `1 min 15 s` */
export function spokenSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export const spokenState = (state: RunState): string => (state === 'succeeded_with_rejects' ? 'with rejects' : state.replace(/_/g, ' '));

export function colouredState(state: RunState): string {
  const text = spokenState(state);
  switch (state) {
    case 'succeeded': return pc.green(text);
    case 'failed': return pc.red(text);
    case 'succeeded_with_rejects': case 'held': case 'cancelled': case 'stalled': case 'waiting_approval': return pc.yellow(text);
    default: return text;
  }
}

/** Cut in the middle, since both ends of a table's name tell. `width`: columns of the screen, of which some characters take two. */
export function fitted(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  const characters = [...text];
  return `${begun(characters, Math.ceil(width / 2) - 1)}…${begun(characters.reverse(), Math.floor(width / 2), (kept) => kept.reverse())}`;
}

/** As many of the first characters as go into `width` columns. */
function begun(characters: readonly string[], width: number, ordered: (kept: string[]) => string[] = (kept) => kept): string {
  const kept: string[] = [];
  let left = width;
  for (const one of characters) if ((left -= columnsOf(one)) >= 0) kept.push(one); else break;
  return ordered(kept).join('');
}

/** Columns of the screen that a text takes. */
export const columnsOf = (text: string): number => stringWidth(text);

/** `padEnd` by columns of the screen. */
export const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columnsOf(text)));
