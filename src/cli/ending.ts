import { launcher } from '../config/environment';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Ending {
  readonly signal: AbortSignal;
  /** Comes back when it is time to end. */
  readonly begun: Promise<void>;
  forget(): void;
}

/**
 * Ctrl-C, a request to end, a closed terminal, or the program that started this one gone without a word. They are heard as often as they
 * come: a shell, `timeout` and the launcher each send one, and a second one must not cut off the ending that goes on.
 */
export function listenForEnding(): Ending {
  const controller = new AbortController();
  const end = () => controller.abort();
  for (const name of signals) process.on(name, end);
  const begunBy = launcher();
  // Waiting for a signal alone keeps no process alive; this does.
  const look = setInterval(() => { if (begunBy !== null && process.ppid !== begunBy) end(); }, 1000);
  return {
    signal: controller.signal,
    begun: new Promise((resolve) => { controller.signal.addEventListener('abort', () => resolve(), { once: true }); }),
    forget() {
      clearInterval(look);
      for (const name of signals) process.off(name, end);
    },
  };
}
