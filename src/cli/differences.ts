/** What is other between two plain values, a line each: `schedule.cron.0: "0 * * * *" → "30 * * * *"`. Lists of named things are compared by name. */
export function differences(before: unknown, after: unknown, place = ''): readonly string[] {
  if (same(before, after)) return [];
  const [left, right] = [fieldsOf(before), fieldsOf(after)];
  if (!left || !right) return [`${place}: ${shown(before)} → ${shown(after)}`];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return names.flatMap((name) => differences(left[name], right[name], place === '' ? name : `${place}.${name}`));
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(value.map((item, index) => [nameOf(item) ?? String(index), item as unknown]));
}

const nameOf = (item: unknown): string | null =>
  (typeof item === 'object' && item !== null && 'stream' in item && typeof item.stream === 'string' ? item.stream : null);

const longest = 60;
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
