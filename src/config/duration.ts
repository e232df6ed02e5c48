const milliseconds: Readonly<Record<string, number>> = {
  ms: 1, millisecond: 1, s: 1000, second: 1000, m: 60_000, min: 60_000, minute: 60_000, h: 3_600_000, hour: 3_600_000, d: 86_400_000, day: 86_400_000, w: 604_800_000, week: 604_800_000,
};

/** `10 minutes`, `90s`, `1.5 hours` → whole milliseconds; null: not a duration. Months and years have no fixed length. */
export function durationOf(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i.exec(text.trim());
  const unit = found?.[2]?.toLowerCase() ?? '';
  const factor = milliseconds[unit] ?? (unit.length > 2 ? milliseconds[unit.replace(/s$/, '')] : undefined);
  return found && factor ? Math.round(Number(found[1]) * factor) : null;
}

/** `0.1%` or `0.001` → 0.001; null: not a share from 0 to 1. */
export function shareOf(value: string | number): number | null {
  const text = String(value).trim();
  const found = /^(\d+(?:\.\d+)?) ?(%?)$/.exec(text);
  if (!found) return null;
  // A division of decimal text, so that 0.1% is 0.001 and not 0.0010000000000000002.
  const share = found[2] ? Number(`${found[1]}e-2`) : Number(found[1]);
  return share <= 1 ? share : null;
}
