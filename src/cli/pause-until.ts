import { durationOf } from '../config/duration';
import { ConfigurationError } from '../domain/errors';

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** `Mon 08:00`, `08:00` (the next one, in this machine's zone), `2 hours`, or an ISO instant → ISO instant. */
export function pauseUntil(text: string, now: Date = new Date()): string {
  const at = nextTime(text.trim(), now) ?? later(text, now) ?? new Date(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : Number.NaN);
  if (Number.isNaN(at.getTime())) throw new ConfigurationError(`reading --until "${text}": write a time such as "Mon 08:00", "08:00", "2 hours" or 2026-08-03T08:00:00Z`);
  if (at.getTime() <= now.getTime()) throw new ConfigurationError(`reading --until "${text}": that is past; leave --until out and resume by hand, or name a later time`);
  return at.toISOString();
}

function nextTime(text: string, now: Date): Date | null {
  const found = /^(?:([a-z]{3})[a-z]* )?(\d{1,2}):(\d{2})$/i.exec(text);
  const weekday = found?.[1] === undefined ? null : weekdays.indexOf(found[1].toLowerCase());
  if (!found || weekday === -1 || Number(found[2]) > 23 || Number(found[3]) > 59) return null;
  const at = new Date(now);
  at.setHours(Number(found[2]), Number(found[3]), 0, 0);
  while (at <= now || (weekday !== null && at.getDay() !== weekday)) at.setDate(at.getDate() + 1);
  return at;
}

function later(text: string, now: Date): Date | null {
  const duration = durationOf(text);
  return duration === null ? null : new Date(now.getTime() + duration);
}
