import { readdirSync, readFileSync } from 'node:fs';

/** Processes that were started with this variable, as the kernel tells. */
export function processesWith(name: string, value: string): readonly number[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${name}=${value}`);
    } catch {
      return false;
    }
  });
}
