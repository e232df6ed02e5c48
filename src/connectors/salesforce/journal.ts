import type { JsonObject } from '../../domain/json';
import type { LandedPage, Landing } from '../connector';

export interface Entry { readonly page: LandedPage; /** Recorded by an earlier attempt, or by another one meanwhile. */ readonly known: boolean }

/** What a reading did, step by step, in the numbered pages of its partition: each step is done once, whoever comes after a crash goes on behind it. */
export interface Journal {
  /** The next step. */
  next(make: () => Promise<LandedPage>): Promise<Entry>;
  /** Numbers for steps that are done side by side. */
  reserve(count: number): readonly number[];
  at(number: number, make: () => Promise<LandedPage>): Promise<Entry>;
}

export function openJournal(pages: Landing['pages']): Journal {
  let last = 0;
  const reserve = (count: number): readonly number[] => Array.from({ length: count }, () => (last += 1));
  async function at(number: number, make: () => Promise<LandedPage>): Promise<Entry> {
    const earlier = await pages?.find(number) ?? null;
    if (earlier) return { page: earlier, known: true };
    const made = await make();
    const recorded = await pages?.record(number, made) ?? made;
    return { page: recorded, known: JSON.stringify(sorted(recorded.state)) !== JSON.stringify(sorted(made.state)) };
  }
  return { reserve, at, next: (make) => at(reserve(1)[0]!, make) };
}

const sorted = (state: JsonObject): readonly (readonly [string, unknown])[] => Object.entries(state).sort(([left], [right]) => (left < right ? -1 : 1));
/** A step that gave no file. */
export const stateOnly = (state: object): LandedPage => ({ files: [], state: state as JsonObject });
