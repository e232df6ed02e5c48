import { SourceThrottledError } from '../../domain/errors';
import { quarterHour } from './errors';

/** How much of the org's daily requests is used up, as every answer says, so that Millrace stops before all other users are stopped. */
export interface Usage {
  note(headers: Headers): void;
  /** Whether an answer has told it yet. */
  known(): boolean;
  /** Throws SourceThrottledError where the connection's share is used up. */
  respect(): void;
}

export function createUsage(share: number, connection: string): Usage {
  let last: { readonly used: number; readonly most: number } | null = null;
  return {
    note: (headers) => { last = usageOf(headers.get('sforce-limit-info')) ?? last; },
    known: () => last !== null,
    respect() {
      if (last === null || last.used < last.most * share) return;
      throw new SourceThrottledError(`reading from "${connection}": ${last.used} of the org's ${last.most} daily requests are used up, and "daily_share" leaves the rest to others; the run goes on by itself`, quarterHour);
    },
  };
}

/** `api-usage=18/15000; per-app-api-usage=17/250(appName=x)`: the tightest of them. */
export function usageOf(header: string | null): { readonly used: number; readonly most: number } | null {
  const all = [...(header ?? '').matchAll(/api-usage=(\d+)\/(\d+)/g)].map(([, used, most]) => ({ used: Number(used), most: Number(most) })).filter(({ most }) => most > 0);
  return all.sort((left, right) => right.used / right.most - left.used / left.most)[0] ?? null;
}
