/**
 * Signals and updates can be typed by hand, in the Web UI or with `temporal`: null, a text, a number where an object belongs. A handler
 * that throws on it would fail every workflow task from then on, and the run could not even be cancelled. So what is no object counts
 * as empty, and what is no text as not given.
 */
export const asRequest = <Request extends object>(request: unknown): Partial<Request> =>
  (typeof request === 'object' && request !== null && !Array.isArray(request) ? request as Partial<Request> : {});

export const textOf = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value : null);

/** `7` and `"7"` are a partition; anything else is none. */
export const ordinalOf = (value: unknown): number => (/^\d+$/.test(String(value)) ? Number(value) : Number.NaN);
