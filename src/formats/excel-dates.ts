/** Number formats that Excel has built in and that show dates or times. */
const builtIn = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 45, 46, 47, 50, 51, 52, 53, 54, 55, 56, 57, 58]);

/** Whether a number format shows a date or time: it has a letter of one outside quotes, escapes and brackets. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return builtIn.has(id);
  const bare = code.replace(/"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*./gi, '').split(';')[0]!;
  return /[dmyhs]/i.test(bare) && !/general/i.test(bare);
}

const dayMillis = 86_400_000;

/**
 * A serial number as ISO text: days since 1899-12-30 with the time as their fraction, to the millisecond that Excel itself shows.
 * A number below 1 is a time of day. Serial 60 is 29 February 1900, a day that never was; below it days are one off. Null: no date.
 */
export function serialText(serial: string, date1904: boolean): string | null {
  const value = Number(serial);
  if (!Number.isFinite(value) || value < 0 || value >= 2_958_466) return null;
  const millis = Math.round((value - Math.floor(value)) * dayMillis);
  const whole = Math.floor(value) + Math.floor(millis / dayMillis);
  const clock = clockText(millis % dayMillis);
  if (value < 1) return clock;
  if (!date1904 && whole === 60) return null;
  const days = date1904 ? whole + 1462 : whole < 60 ? whole + 1 : whole;
  const date = dateText(days - 25_569);
  return millis % dayMillis === 0 ? date : `${date} ${clock}`;
}

const two = (number: number, digits = 2): string => String(number).padStart(digits, '0');

function clockText(millis: number): string {
  const seconds = Math.floor(millis / 1000);
  const fraction = millis % 1000;
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction === 0 ? '' : `.${two(fraction, 3)}`}`;
}

/** Days since 1970-01-01 in the calendar (civil-from-days; exact in integers). */
function dateText(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0);
  return `${two(year, 4)}-${two(month < 10 ? month + 3 : month - 9)}-${two(day)}`;
}
