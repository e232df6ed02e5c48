import { readFileSync } from 'node:fs';
import { isAlive } from './process';

/** A process, told from a later one with the same number by when it began. */
export interface ProcessName {
  readonly pid: number;
  /** Null where the system does not tell (no /proc). */
  readonly began: string | null;
}

export const thisProcess = (): ProcessName => ({ pid: process.pid, began: statusOf(process.pid)?.began ?? null });

/** Whether that very process lives; one that has ended and that nobody asked about does not. */
export function lives({ pid, began }: ProcessName): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return false;
  const found = statusOf(pid);
  return found === null || (!found.ended && (began ?? found.began) === found.began);
}

/** /proc/PID/stat after the name, which may hold anything: first the state, 20th the ticks from boot to its begin. */
function statusOf(pid: number): { readonly ended: boolean; readonly began: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { ended: fields[0] === 'Z' || fields[0] === 'X', began: fields[19] ?? '' };
  } catch {
    return null;
  }
}
