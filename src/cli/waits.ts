import type { RunState } from '../domain/receipt';
import type { Figures } from './follow';

/** What a run waits for, and what a person types for it to go on. */
export interface Waits {
  readonly state: 'paused' | 'held' | 'waiting_approval' | 'stalled';
  readonly message: string | null;
  readonly streams: readonly { readonly stream: string; readonly state: RunState; readonly message: string | null }[];
  /** Commands, the one that goes on first. */
  readonly next: readonly string[];
}

const states: readonly RunState[] = ['paused', 'held', 'waiting_approval', 'stalled'];

/** Null: it is at work, or waits for nobody. */
export function waitsOf({ state, message, streams }: Figures, runId: string): Waits | null {
  if (!states.includes(state)) return null;
  const waiting = streams.filter((stream) => stream.state !== 'paused' && states.includes(stream.state)).map((stream) => ({ stream: stream.stream, state: stream.state, message: stream.message }));
  const next = new Set([state, ...waiting.map((stream) => stream.state)].flatMap((one) => nextCommands(one, runId)));
  return { state: state as Waits['state'], message, streams: waiting, next: [...next] };
}

/** What goes on with a run in that state, and what gives it up. */
export function nextCommands(state: RunState, runId: string): readonly string[] {
  switch (state) {
    case 'paused': return [`millrace resume ${runId}`];
    case 'held': return [`millrace resume ${runId}`, `millrace cancel ${runId}`];
    case 'waiting_approval': return [`millrace approve ${runId}`, `millrace reject ${runId}`];
    default: return [];
  }
}

/** `mend that, then "millrace resume …"; or …`: one sentence. */
export function nextSentence({ state, next }: Waits): string | null {
  if (next.length === 0) return null;
  const [first, ...others] = next.map((command) => `"${command}"`);
  const begun = state === 'held' ? `mend that, then go on with ${first}` : state === 'paused' ? `go on with ${first}` : `decide with ${first}`;
  return [begun, ...others].join(', or ');
}
