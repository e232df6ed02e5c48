import { SourceHeldError, SourceThrottledError, SourceUnavailableError } from '../../domain/errors';
import type { RestConfig } from './config';

/** An answer as far as rules look at it. */
export interface Answer {
  /** As messages name it. */
  readonly where: string;
  readonly status: number;
  readonly headers: Headers;
  /** Text of a member of the answer; null: it has none. */
  member(path: string): Promise<string | null>;
}

/** Where a server says "later" and not when. */
const laterBy = 30_000;

/** Whether the answer is a page, or nothing; throws where it is neither. */
export async function judgeAnswer({ errors }: Pick<RestConfig, 'errors'>, answer: Answer): Promise<'page' | 'nothing'> {
  for (const rule of errors) {
    if (rule.status !== undefined && rule.status !== answer.status) continue;
    if (rule.body && await answer.member(rule.body.path) !== rule.body.equals) continue;
    const what = rule.body ? `${answer.status} with "${rule.body.path}: ${rule.body.equals}"` : String(answer.status);
    switch (rule.then) {
      case 'ignore': return 'nothing';
      case 'fail': throw held(answer, what, 'mend what it names');
      case 'retry': throw later(answer, what, rule.after === undefined ? null : rule.after * 1000);
    }
  }
  return judgeStatus(answer);
}

function judgeStatus(answer: Answer): 'page' | 'nothing' {
  const { status } = answer;
  if (status === 204) return 'nothing';
  if (status >= 200 && status < 300) return 'page';
  if (status === 429 || (status === 403 && isSpent(answer.headers))) throw later(answer, String(status), laterBy);
  if (status === 408 || status === 425 || status >= 500) throw later(answer, String(status), null);
  if (status === 401) throw held(answer, '401', 'correct "auth" of the connection, or give it a new token');
  if (status === 403) throw held(answer, '403', 'let the user of the connection read it');
  throw held(answer, String(status), 'correct the stream\'s path and parameters, or add a rule to "errors" of the connection');
}

const held = (answer: Answer, what: string, remedy: string): SourceHeldError =>
  new SourceHeldError(`reading "${answer.where}": the server answered ${what}; ${remedy}, then "millrace resume RUN"`, { status: answer.status });

function later(answer: Answer, what: string, otherwise: number | null): Error {
  const text = `reading "${answer.where}": the server answered ${what}; the run goes on by itself`;
  const wait = waitOf(answer.headers) ?? otherwise;
  return wait === null ? new SourceUnavailableError(text, { status: answer.status }) : new SourceThrottledError(text, wait);
}

const isSpent = (headers: Headers): boolean => headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after');

/** A day is the longest; a server's word is asked for again after that. */
const longest = 86_400_000;

/**
 * Milliseconds that the server wants to be left alone; seconds or a date in Retry-After, else the time at which a spent budget is new. Dates are those of the
 * server's clock, which `Date` of the same answer tells: the worker's may be another.
 */
export function waitOf(headers: Headers, now = Date.now()): number | null {
  const there = clockOf(headers) ?? now;
  const text = headers.get('retry-after')?.trim() ?? null;
  const wait = text !== null ? secondsOf(text) ?? Date.parse(text) - there : headers.get('x-ratelimit-remaining') === '0' ? resetOf(headers.get('x-ratelimit-reset'), there) : Number.NaN;
  return Number.isFinite(wait) ? Math.min(longest, Math.max(100, Math.ceil(wait))) : null;
}

/** What the server's clock showed; null: it does not tell. */
export function clockOf(headers: Headers): number | null {
  const text = headers.get('date');
  const at = text === null ? Number.NaN : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

const secondsOf = (text: string): number | null => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : null);

/** An instant in seconds or milliseconds, or the seconds that are left: servers differ. */
function resetOf(text: string | null, there: number): number {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  if (value < 1e9) return value * 1000;
  return (value < 1e12 ? value * 1000 : value) - there;
}
