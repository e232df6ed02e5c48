import { ConfigurationError } from '../domain/errors';

/** ISO instant in whole seconds: of the date or instant given, else now (semantics 1). */
export function logicalDateOf(text: string | undefined, now: Date = new Date(), option = '--logical-date'): string {
  const date = text === undefined ? now : new Date(text);
  if (text !== undefined && (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) || Number.isNaN(date.getTime()))) {
    throw new ConfigurationError(`reading ${option} "${text}": write a date such as 2026-08-01 or an instant such as 2026-08-01T06:00:00Z`);
  }
  return `${date.toISOString().slice(0, 19)}Z`;
}
