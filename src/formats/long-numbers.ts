import { open, stat } from 'node:fs/promises';
import type { Session } from '../transforms/duckdb-engine';
import { quoteLiteral } from '../transforms/quote';
import { openBytes, passingBytes } from './bytes';
import { withScratch } from './records';
import { lineFeed } from './scan';
import { matchesWhole } from './sql';
import type { Tally } from './tally';

/**
 * DuckDB reads a number of JSON with a fraction as a double, whatever it is to become. Where one has more digits than a double holds, or
 * would be printed with an exponent, the file is read from a copy in which such numbers are strings with a mark.
 */
const mark = '\u0001\u0002';
const written = Buffer.from('"\\u0001\\u0002');
const point = 0x2e;
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
/** A double holds 15 digits of any number. */
const held = 15;
const around = 2 * held;

/** What was found in files that are as they were: extracting and transforming look at the same ones. */
const known = new Map<string, boolean>();
const remembered = 10_000;

export async function hasLongNumbers(path: string): Promise<boolean> {
  const found = known.get(await stateOf(path)) ?? await looksLong(path);
  await remember(path, found);
  return found;
}

async function stateOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${path}:${ino}:${size}:${mtimeNs}`;
}

async function remember(path: string, found: boolean): Promise<void> {
  known.set(await stateOf(path), found);
  if (known.size > remembered) known.delete(known.keys().next().value!);
}

async function looksLong(path: string): Promise<boolean> {
  const look = createLook();
  for await (const piece of passingBytes(path, 'auto')) if (look(piece)) return true;
  return false;
}

/** A tally that looks for long numbers on the way. */
export function withLongNumbers(tally: Tally): Tally {
  const look = createLook();
  let [found, all] = [false, true];
  return {
    add(piece) {
      found ||= look(piece);
      return (all &&= tally.add(piece));
    },
    end: () => tally.end(),
    // Where there was a doubt, not all of it was seen.
    remember: async (path) => { if (all) await remember(path, found); },
  };
}

/** By the points alone, so also in strings: then the copy is made for nothing. */
function createLook(): (piece: Buffer) => boolean {
  let before: Buffer = Buffer.alloc(0);
  return (piece) => {
    const found = hasLong(Buffer.concat([before, piece.subarray(0, around)])) || hasLong(piece);
    before = Buffer.concat(piece.length < around ? [before, piece] : [piece.subarray(-around)]).subarray(-around);
    return found;
  };
}

function hasLong(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(point); at >= 0; at = bytes.indexOf(point, at + 1)) {
    let [from, to] = [at, at + 1];
    while (at - from <= held && isDigit(bytes[from - 1])) from -= 1;
    while (to - at <= held + 1 && isDigit(bytes[to])) to += 1;
    if (from < at && isLong(to - from - 1, bytes, at)) return true;
  }
  return false;
}

/** `0.00001` and less are printed with an exponent. */
const isLong = (digits: number, bytes: Buffer, at: number): boolean =>
  digits > held || (bytes[at + 1] === 0x30 && bytes[at + 2] === 0x30 && bytes[at + 3] === 0x30 && bytes[at + 4] === 0x30 && isDigit(bytes[at + 5]));

/** The file, or a copy in which long numbers are marked; the copy goes after the work. */
export async function withExactNumbers<Result>(session: Session, path: string, work: (path: string, marked: boolean) => Promise<Result>): Promise<Result> {
  if (!(await hasLongNumbers(path))) return await work(path, false);
  return await withScratch(session, async (folder) => {
    const copy = `${folder}/marked.json`;
    await writeMarked(path, copy);
    return await work(copy, true);
  });
}

async function writeMarked(from: string, to: string): Promise<void> {
  const file = await open(to, 'w');
  const marker = createMarker();
  try {
    for await (const piece of openBytes(from, 'auto')) for (const part of marker.piece(piece)) await file.writeFile(part);
    for (const part of marker.end()) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

/** Follows strings and numbers over the pieces. A line break ends both: neither can hold one, and damage goes no further. */
function createMarker() {
  let inString = false;
  let escaped = false;
  let token: number[] | null = null;

  function settled(): readonly Buffer[] {
    if (token === null) return [];
    const text = Buffer.from(token);
    token = null;
    return hasLong(text) ? [written, text, Buffer.from('"')] : [text];
  }
  return {
    piece(bytes: Buffer): readonly Buffer[] {
      const parts: Buffer[] = [];
      let from = 0;
      for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at]!;
        if (token !== null) {
          if (isDigit(byte) || byte === point || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === 0x2d) { token.push(byte); continue; }
          parts.push(...settled());
          from = at;
        }
        if (byte === lineFeed) [inString, escaped] = [false, false];
        else if (escaped) escaped = false;
        else if (inString) { if (byte === 0x5c) escaped = true; else if (byte === 0x22) inString = false; }
        else if (byte === 0x22) inString = true;
        else if (isDigit(byte) || byte === 0x2d) {
          parts.push(bytes.subarray(from, at));
          token = [byte];
          from = at;
        }
      }
      if (token === null) parts.push(bytes.subarray(from));
      return [Buffer.concat(parts)];
    },
    end: settled,
  };
}

const number = String.raw`-?[0-9.]+(?:[eE][+-]?[0-9]+)?`;

/** SQL of a member's text without marks: the number itself, or nested JSON with its numbers. */
export const unmarked = (text: string): string =>
  `CASE WHEN starts_with(${text}, ${quoteLiteral(mark)}) THEN CASE WHEN ${matchesWhole(`substr(${text}, ${mark.length + 1})`, number)} THEN substr(${text}, ${mark.length + 1}) ELSE ${text} END ELSE ${withoutMarks(text)} END`;

/** SQL of JSON text with its numbers as they were. */
export const withoutMarks = (json: string): string => `regexp_replace(${json}, ${quoteLiteral(String.raw`"\\u0001\\u0002(${number})"`)}, '\\1', 'g')`;

/**
 * SQL of valid JSON text with every number that has a point marked: no control character stands in it as it is, so two of them show what is to be a string.
 * For records one by one; files are marked by `withExactNumbers`.
 */
export const withMarks = (json: string): string =>
  `replace(replace(replace(regexp_replace(${json}, ${quoteLiteral(String.raw`("(?:[^"\\]|\\.)*")|(-?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?)`)}, '\\1' || chr(1) || '\\2' || chr(2), 'g'), chr(1) || chr(2), ''), chr(1), ${quoteLiteral(written.toString('latin1'))}), chr(2), '"')`;

/** SQL of valid JSON on one line, its numbers as they are written: DuckDB's own printing makes doubles of them. */
export const compactJson = (json: string): string => withoutMarks(`CAST(json(${withMarks(json)}) AS VARCHAR)`);

/** SQL of whether a JSON value is a number that was marked, and of its text. */
export const markedNumber = (json: string): { readonly is: string; readonly text: string } => {
  const start = written.toString('latin1');
  return { is: `starts_with(${json}, ${quoteLiteral(start)})`, text: `${json}[${start.length + 1}:-2]` };
};
