import { emptyLine, type BalanceLine } from '../domain/balance';
import type { PassedLine } from './fates';

/** What a chain's balance is made of: of each step its line, what is known of it so far, or its name alone. */
export type Known = (BalanceLine | PassedLine | string)[];

export function linesInto(known: Known, { lines, counted }: { readonly lines: readonly (BalanceLine | PassedLine)[]; readonly counted: readonly number[] }): readonly number[] {
  for (const line of lines) known[known.indexOf(line.step)] = line;
  return counted;
}

/** Steps that neither drop nor add rows hand on what the next counted step received; what rows met as they passed adds up to what came in. */
export function closed(known: Known, out: number): readonly BalanceLine[] {
  const lines: BalanceLine[] = [];
  let next = out;
  for (const line of [...known].reverse()) {
    const whole = typeof line === 'string' ? { ...emptyLine(line), in: next, out: next } : 'in' in line ? line : passed(line, next);
    lines.unshift(whole);
    next = whole.in;
  }
  return lines;
}

const passed = ({ step, rejected, filtered = 0, deduplicated = 0 }: PassedLine, out: number): BalanceLine =>
  ({ ...emptyLine(step), in: out + rejected + filtered + deduplicated, out, rejected, filtered, deduplicated });
