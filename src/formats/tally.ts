import { passingBytes, type Compression } from './bytes';
import type { CsvOptions } from './csv-dialect';
import { carriageReturn, lineFeed } from './scan';

/**
 * Counts the records of a text file by its bytes alone, as they pass: the source's own count, which owes nothing to the reader that the rows come by.
 * It is given every byte once, in order, in pieces of any size.
 */
export interface Tally {
  /** False: there is a doubt, and what follows need not be seen. A piece may be changed afterwards. */
  add(piece: Buffer): boolean;
  /** Null: something is there that a look at single bytes does not settle; then the careful reader counts. */
  end(): number | null;
  /** What else was seen of the file, which now lies there as a whole, is remembered for those who read it. */
  remember?(path: string): Promise<void>;
}

/** A file gone through for its count alone. No tally: null. */
export async function tallied(path: string, compression: Compression, tally: Tally | null): Promise<number | null> {
  if (!tally) return null;
  for await (const piece of passingBytes(path, compression)) if (!tally.add(piece)) return null;
  const records = tally.end();
  await tally.remember?.(path);
  return records;
}

/** Lines that hold something; those that start with `comment` are none. */
export function lineTally(comment = ''): Tally {
  const mark = comment === '' ? -1 : comment.charCodeAt(0);
  let lines = 0;
  /** First byte of the line that goes on from the piece before; -1: nothing of it is there yet. */
  let first = -1;
  let filled = false;
  let returned = false;
  let doubt = false;
  const count = (bytes: Buffer): boolean => {
    if (returned && bytes[0] !== lineFeed) return false;
    for (let at = bytes.indexOf(carriageReturn); at >= 0; at = bytes.indexOf(carriageReturn, at + 1)) if (at + 1 < bytes.length && bytes[at + 1] !== lineFeed) return false;
    returned = bytes.at(-1) === carriageReturn;
    let start = 0;
    for (let feed = bytes.indexOf(lineFeed); feed >= 0; feed = bytes.indexOf(lineFeed, start)) {
      if ((filled || !isBlank(bytes, start, feed)) && (first < 0 ? bytes[start] : first) !== mark) lines += 1;
      [first, filled] = [-1, false];
      start = feed + 1;
    }
    if (start === bytes.length) return true;
    if (first < 0) first = bytes[start]!;
    filled ||= !isBlank(bytes, start, bytes.length);
    return true;
  };
  return pastMark({
    add: (bytes) => (doubt ||= !count(bytes), !doubt),
    end: () => (doubt || returned ? null : lines + (filled && first !== mark ? 1 : 0)),
  });
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== carriageReturn) return false;
  }
  return true;
}

/** Where a byte of a CSV file stands. */
const enum At { recordStart, fieldStart, plain, quoted, quoteInQuoted, afterReturn, afterFirstReturn, doubt }

/** Records and header together. Null: a dialect that single bytes do not settle. */
export function csvTally(dialect: Pick<CsvOptions, 'delimiter' | 'quote' | 'escape'>): Tally | null {
  if (dialect.quote !== '' && dialect.escape !== dialect.quote) return null;
  const step = csvStepper(dialect.delimiter.charCodeAt(0), dialect.quote === '' ? -1 : dialect.quote.charCodeAt(0));
  const sum = { state: At.recordStart as At, records: 0 };
  return pastMark({
    add(bytes) {
      if (sum.state !== At.doubt) step(bytes, sum);
      return sum.state !== At.doubt;
    },
    end() {
      if (sum.state === At.recordStart) return sum.records;
      return sum.state === At.quoted || sum.state >= At.afterReturn ? null : sum.records + 1;
    },
  });
}

/** Goes over a piece byte by byte: most of them lie inside a value, so those are passed over by loops of their own. */
function csvStepper(parts: number, quotes: number): (bytes: Buffer, sum: { state: At; records: number }) => void {
  const highest = Math.max(parts, carriageReturn);
  return (bytes, sum) => {
    let { state, records } = sum;
    const end = bytes.length;
    for (let at = 0; at < end; at += 1) {
      let byte = bytes[at]!;
      if (state === At.quoted) {
        while (byte !== quotes && at < end - 1) byte = bytes[at += 1]!;
        if (byte === quotes) state = At.quoteInQuoted;
        continue;
      }
      if (state === At.plain) {
        while ((byte > highest || (byte !== parts && byte !== lineFeed && byte !== carriageReturn)) && at < end - 1) byte = bytes[at += 1]!;
      }
      if (byte === lineFeed) {
        if (state !== At.recordStart && state !== At.afterFirstReturn) records += 1;
        state = At.recordStart;
      } else if (state >= At.afterReturn) {
        state = At.doubt;
        break;
      } else if (byte === carriageReturn) {
        state = state === At.recordStart ? At.afterFirstReturn : At.afterReturn;
      } else if (byte === parts) {
        state = At.fieldStart;
      } else if (state === At.quoteInQuoted) {
        state = byte === quotes ? At.quoted : At.doubt;
        if (state === At.doubt) break;
      } else if (state !== At.plain) {
        state = byte === quotes ? At.quoted : byte === 0x20 ? At.fieldStart : At.plain;
      }
    }
    [sum.state, sum.records] = [state, records];
  };
}

/** Does not see the byte order mark of UTF-8. */
function pastMark({ add, end }: Tally): Tally {
  let head: Buffer | null = Buffer.alloc(0);
  const passed = (bytes: Buffer): boolean => bytes.length === 0 || add(bytes);
  return {
    add(piece) {
      if (head === null) return passed(piece);
      head = Buffer.concat([head, piece]);
      if (head.length < 3) return true;
      const begun = head;
      head = null;
      return passed(begun[0] === 0xef && begun[1] === 0xbb && begun[2] === 0xbf ? begun.subarray(3) : begun);
    },
    end() {
      if (head) passed(head);
      head = null;
      return end();
    },
  };
}
