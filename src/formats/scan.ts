import { isUtf8 } from 'node:buffer';
import { SourceHeldError } from '../domain/errors';
import { longestRecord } from './sql';

/** One record of a text file as its bytes stand there. */
export interface ScannedRecord {
  /** 1-based line on which it starts. */
  readonly line: number;
  readonly bytes: Buffer;
  /** Null fields are NULL. Empty where there is a problem. */
  readonly fields: readonly (string | null)[];
  /** Why it cannot be read; null: it can. */
  readonly problem: string | null;
}

/** What a rule finds at `start`: a record that ends before `end`. Null: more bytes are needed. */
export interface Found {
  readonly end: number;
  /** Without the line break; null: nothing is here (an empty line). */
  readonly textEnd: number;
  readonly fields: readonly (string | null)[];
  readonly problem: string | null;
  readonly skip?: boolean;
}
export type RecordRule = (bytes: Buffer, start: number, final: boolean) => Found | null;

/**
 * Reads a text file record by record, in the worker's own code: slower than DuckDB, but a damaged record costs that record
 * only. Memory: one record and one piece. Records come in groups, since an await for each costs more than the record.
 */
export async function* scanRecords(pieces: AsyncIterable<Buffer>, rule: RecordRule): AsyncGenerator<readonly ScannedRecord[]> {
  let pending: Buffer = Buffer.alloc(0);
  let line = 1;
  let first = true;
  function take(final: boolean): ScannedRecord[] {
    const group: ScannedRecord[] = [];
    let at = 0;
    while (at < pending.length) {
      const overdue = !final && pending.length - at > longestRecord;
      const found = rule(pending, at, final || overdue);
      if (!found) break;
      if (overdue && found.end >= pending.length) throw tooLong(line);
      const bytes = pending.subarray(at, found.textEnd);
      if (!found.skip) group.push(recordOf(line, bytes, found));
      line += linesIn(pending, at, found.end);
      at = found.end;
    }
    pending = pending.subarray(at);
    return group;
  }
  for await (const piece of pieces) {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
    if (first && pending.length < 3) continue;
    if (first) pending = withoutMark(pending);
    first = false;
    yield take(false);
  }
  if (first) pending = withoutMark(pending);
  yield take(true);
}

const tooLong = (line: number): SourceHeldError =>
  new SourceHeldError(`reading line ${line}: it is longer than ${longestRecord / 1024 / 1024} MB; correct the format's options, or the file`, { line });

const withoutMark = (bytes: Buffer): Buffer => (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes);

function recordOf(line: number, bytes: Buffer, found: Found): ScannedRecord {
  const problem = !isUtf8(bytes) ? 'is not valid UTF-8' : bytes.includes(0) ? 'has a NUL byte' : found.problem;
  return { line, bytes, fields: problem === null ? found.fields : [], problem };
}

export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;

function linesIn(bytes: Buffer, start: number, end: number): number {
  let lines = 0;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === lineFeed || (bytes[at] === carriageReturn && bytes[at + 1] !== lineFeed)) lines += 1;
  }
  return lines;
}

/** A record's text as a JSON string; bytes that are not UTF-8 are written `\xff`, so that nothing is lost. */
export function rawJson(bytes: Buffer): string {
  if (isUtf8(bytes)) return JSON.stringify(bytes.toString('utf8'));
  return JSON.stringify(bytes.toString('latin1').replace(/[\x80-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`));
}
