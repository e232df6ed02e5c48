import { silentText } from './fallen-silent';
import type { Figures } from './follow';
import type { Waits } from './waits';

/** What a look at a run tells that the last one did not. */
export interface News {
  /** Why the run, or a stream of it, does not move: each sentence as it comes up. */
  of(figures: Figures): readonly string[];
  /** Whether the run has begun to wait, or waits for something else. */
  begins(waits: Waits | null): boolean;
}

export function createNews(): News {
  let said: readonly string[] = [];
  let waiting: readonly string[] = [];
  let waited = '';
  let silent: readonly string[] = [];
  /** Of each worker once: how long it still lasts changes with every look. */
  const fallenSilent = ({ streams }: Figures): readonly string[] => {
    const before = silent;
    const now = streams.flatMap((stream) => (stream.silent ? [{ mark: `${stream.stream} ${stream.silent.worker}`, line: silentText(stream.silent) }] : []));
    silent = now.map(({ mark }) => mark);
    return now.filter(({ mark }) => !before.includes(mark)).map(({ line }) => line);
  };
  return {
    of(figures) {
      const { message, streams } = figures;
      const before = said;
      const told = streams.filter((stream) => stream.message && !isEnd(stream.state)).map((stream) => ({ line: `${stream.stream}: ${stream.message}`, waits: stream.state === 'held' || stream.state === 'waiting_approval' }));
      // Where a stream waits for a person and nothing else moves, the run itself waits at the next look, and tells.
      const waited = waiting;
      waiting = told.filter(({ waits }) => waits).map(({ line }) => line);
      said = [...(message ? [message] : []), ...told.filter(({ line, waits }) => !waits || waited.includes(line)).map(({ line }) => line)];
      return [...said.filter((line) => !before.includes(line)), ...fallenSilent(figures)];
    },
    begins(waits) {
      const before = waited;
      waited = waits ? JSON.stringify(waits) : '';
      return waited !== '' && waited !== before;
    },
  };
}

const isEnd = (state: string): boolean => ['failed', 'succeeded', 'succeeded_with_rejects', 'cancelled'].includes(state);
