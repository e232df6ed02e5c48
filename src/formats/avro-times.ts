const floor = (value: bigint, by: bigint): bigint => (value >= 0n || value % by === 0n ? value / by : value / by - 1n);
const pad = (value: bigint, digits: number): string => String(value).padStart(digits, '0');

/** A time of day from parts of a second since midnight. */
export function clockText(parts: bigint, perSecond: bigint, digits: number): string {
  const seconds = parts / perSecond;
  const fraction = parts % perSecond;
  return `${pad(seconds / 3600n, 2)}:${pad((seconds / 60n) % 60n, 2)}:${pad(seconds % 60n, 2)}${fraction === 0n ? '' : `.${pad(fraction, digits)}`}`;
}

/** Days since 1970-01-01 in the calendar (civil-from-days; exact in integers). */
export function dateText(days: bigint): string {
  const shifted = days + 719_468n;
  const era = floor(shifted, 146_097n);
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const month = (5n * dayOfYear + 2n) / 153n;
  const year = yearOfEra + era * 400n + (month >= 10n ? 1n : 0n);
  return `${year < 0n ? '-' : ''}${pad(year < 0n ? -year : year, 4)}-${pad(month < 10n ? month + 3n : month - 9n, 2)}-${pad(dayOfYear - (153n * month + 2n) / 5n + 1n, 2)}`;
}

export function instantText(value: bigint, perSecond: bigint, digits: number): string {
  const perDay = perSecond * 86_400n;
  const days = floor(value, perDay);
  return `${dateText(days)} ${clockText(value - days * perDay, perSecond, digits)}`;
}

/** Two's complement, most significant byte first. */
export function decimalText(bytes: Uint8Array, scale: number): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  if (bytes.length > 0 && bytes[0]! >= 0x80) value -= 1n << BigInt(8 * bytes.length);
  const digits = pad(value < 0n ? -value : value, scale + 1);
  return `${value < 0n ? '-' : ''}${scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`}`;
}
