import { carriageReturn, lineFeed, type Found, type RecordRule } from './scan';

export interface CsvDialect {
  readonly delimiter: string;
  /** Empty: nothing is quoted. */
  readonly quote: string;
  readonly escape: string;
  /** Unquoted values that are NULL. */
  readonly nulls: readonly string[];
  /** Whether they are NULL inside quotes, too. */
  readonly quoted_nulls?: boolean;
  /** Null while only the header is read: any number is right. */
  readonly columns: number | null;
  /** Lines before the header that are no records. */
  readonly skip?: number;
  /** Lines that start with it are no records. */
  readonly comment?: string;
  /** Whether values missing at the end of a record are NULL. */
  readonly pads?: boolean;
}

interface Field { readonly value: string | null; readonly next: number }

/** One CSV record, as DuckDB's strict mode reads it. Fields come out decoded; a record whose quotes do not close costs its first line. */
export function csvRule(dialect: CsvDialect): RecordRule {
  const [delimiter, quote, escape] = [dialect.delimiter, dialect.quote, dialect.escape].map((text) => text.charCodeAt(0)) as [number, number, number];
  const nulls = new Set(dialect.nulls);
  const comment = dialect.comment ? dialect.comment.charCodeAt(0) : null;
  let returnsBreak: boolean | null = null;
  let toSkip = dialect.skip ?? 0;

  const isBreak = (byte: number | undefined): boolean => byte === lineFeed || byte === carriageReturn;

  /** From the opening quote; `next` is after the closing one. 'open': it does not close in what is here. */
  function quoted(bytes: Buffer, start: number): Field | 'open' {
    const parts: Buffer[] = [];
    let from = start + 1;
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === escape && (escape !== quote || bytes[at + 1] === quote) && (bytes[at + 1] === quote || bytes[at + 1] === escape)) {
        parts.push(bytes.subarray(from, at));
        from = at + 1;
        at += 1;
      } else if (byte === quote) {
        parts.push(bytes.subarray(from, at));
        const value = Buffer.concat(parts).toString('utf8');
        return { value: dialect.quoted_nulls && nulls.has(value) ? null : value, next: at + 1 };
      }
    }
    return 'open';
  }

  function plain(bytes: Buffer, start: number): Field {
    let at = start;
    while (at < bytes.length && bytes[at] !== delimiter && !isBreak(bytes[at])) at += 1;
    const value = bytes.toString('utf8', start, at);
    return { value: nulls.has(value) ? null : value, next: at };
  }

  function openingQuote(bytes: Buffer, start: number): number | null {
    if (dialect.quote === '') return null;
    let at = start;
    while (bytes[at] === 0x20) at += 1;
    return bytes[at] === quote ? at : null;
  }

  function firstLine(bytes: Buffer, start: number, problem: string): Found {
    let at = start;
    while (at < bytes.length && !isBreak(bytes[at])) at += 1;
    return { end: afterBreak(bytes, at), textEnd: at, fields: [], problem };
  }

  return (bytes, start, final) => {
    returnsBreak ??= breaksByReturn(bytes, start);
    if (toSkip > 0 || (comment !== null && bytes[start] === comment)) {
      const line = firstLine(bytes, start, '');
      if (line.end >= bytes.length && !final) return null;
      toSkip = Math.max(0, toSkip - 1);
      return { ...line, problem: null, skip: true };
    }
    const fields: (string | null)[] = [];
    let at = start;
    for (;;) {
      const opening = openingQuote(bytes, at);
      const field = opening === null ? plain(bytes, at) : quoted(bytes, opening);
      if (field === 'open') return final ? firstLine(bytes, start, 'has a quote that is not closed') : null;
      if (field.next + 1 >= bytes.length && !final) return null;
      const next = bytes[field.next];
      if (next !== undefined && next !== delimiter && !isBreak(next)) return firstLine(bytes, start, 'has text after a closing quote');
      fields.push(field.value);
      at = field.next + 1;
      if (next === delimiter) continue;
      const end = afterBreak(bytes, field.next);
      const empty = field.next === start;
      const stray = next === carriageReturn && bytes[field.next + 1] !== lineFeed && !returnsBreak;
      if (stray) return firstBreak(bytes, start);
      return { end, textEnd: field.next, fields: padded(trimmed(fields)), problem: miscount(fields), skip: empty && !(dialect.columns === 1 && nulls.has('')) };
    }
  };

  /** A carriage return inside a value without quotes: the whole line is set aside, up to its line feed. */
  function firstBreak(bytes: Buffer, start: number): Found {
    const feed = bytes.indexOf(lineFeed, start);
    const end = feed < 0 ? bytes.length : feed;
    return { end: Math.min(end + 1, bytes.length), textEnd: end, fields: [], problem: 'has a carriage return outside quotes' };
  }

  /** DuckDB takes one empty value too many for a trailing delimiter; so does this. */
  function trimmed(fields: readonly (string | null)[]): readonly (string | null)[] {
    return dialect.columns !== null && fields.length === dialect.columns + 1 && !fields.at(-1) ? fields.slice(0, -1) : fields;
  }
  function padded(fields: readonly (string | null)[]): readonly (string | null)[] {
    const missing = dialect.pads && dialect.columns !== null ? dialect.columns - fields.length : 0;
    return missing > 0 ? [...fields, ...Array<null>(missing).fill(null)] : fields;
  }
  function miscount(fields: readonly (string | null)[]): string | null {
    const found = padded(trimmed(fields)).length;
    return dialect.columns === null || found === dialect.columns ? null : `has ${found} values, the header has ${dialect.columns}`;
  }
}

const afterBreak = (bytes: Buffer, at: number): number =>
  Math.min(bytes.length, bytes[at] === carriageReturn && bytes[at + 1] === lineFeed ? at + 2 : at + 1);

/** Whether lines end in a bare carriage return, judged by the first line break. */
function breaksByReturn(bytes: Buffer, start: number): boolean {
  const mark = bytes.subarray(start).findIndex((byte) => byte === lineFeed || byte === carriageReturn);
  return mark >= 0 && bytes[start + mark] === carriageReturn && bytes[start + mark + 1] !== lineFeed;
}
