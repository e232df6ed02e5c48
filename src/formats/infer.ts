import { matchesWhole } from './sql';
import type { Session, TextRow } from '../transforms/duckdb-engine';

/** What a value is written like: a bit for each, so that a column's values together are the sum of their kinds. */
const kind = { boolean: 1, short: 2, long: 4, fraction: 8, date: 16, timestamp: 32, instant: 64, other: 128 } as const;

/** Types that text is tried as, narrowest first, with the kinds they take; a column gets the first one that all its values are written in (semantics 4, Files). */
const candidates: readonly (readonly [string, number])[] = [
  ['BOOLEAN', kind.boolean], ['BIGINT', kind.short | kind.long], ['DOUBLE', kind.short | kind.fraction], ['DATE', kind.date], ['TIMESTAMP', kind.timestamp], ['TIMESTAMP WITH TIME ZONE', kind.instant],
];

const day = String.raw`\d{4}-\d{2}-\d{2}`;
const clock = String.raw`\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?`;
const held = 15;

/**
 * Leading zeros, a plus sign, integers beyond 2^63 and numbers of more digits than a double holds are no numbers: as text they stay what
 * they are. −0 is no integer, and an integer of more than 15 digits no double.
 */
const numberKind = (text: string): string =>
  `CASE WHEN ${matchesWhole(text, String.raw`-?[1-9]\d{0,14}|0`)} THEN ${kind.short} WHEN ${matchesWhole(text, String.raw`-?[1-9]\d{15,18}`)} AND TRY_CAST(${text} AS BIGINT) IS NOT NULL THEN ${kind.long} ` +
  `WHEN ${matchesWhole(text, String.raw`-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?`)} AND isfinite(TRY_CAST(${text} AS DOUBLE)) AND ` +
  `length(ltrim(regexp_replace(regexp_replace(${text}, '[eE].*$', ''), '[-.]', '', 'g'), '0')) <= CASE WHEN ${matchesWhole(text, String.raw`-?\d+`)} THEN ${held} ELSE 17 END THEN ${kind.fraction} ELSE ${kind.other} END`;

/** Only ISO dates are dates, since 01/02/2024 has two meanings. */
const timeKind = (text: string): string =>
  `CASE WHEN ${matchesWhole(text, day)} AND TRY_CAST(${text} AS DATE) IS NOT NULL THEN ${kind.date} WHEN ${matchesWhole(text, `${day}[ T]${clock}`)} AND TRY_CAST(${text} AS TIMESTAMP) IS NOT NULL THEN ${kind.timestamp} ` +
  `WHEN ${matchesWhole(text, `${day}[ T]${clock}(Z|[+-]\\d{2}(:?\\d{2})?)`)} AND TRY_CAST(${text} AS TIMESTAMPTZ) IS NOT NULL THEN ${kind.instant} ELSE ${kind.other} END`;

/** Most text is told from numbers and times by its first character. */
const isTold = (text: string): string => `${text} >= '-' AND ${text} < ':'`;

/** Aggregate over `text`, named `<prefix>kinds`: what its values are written like. `numberText`: how the text reads as a number, where that differs. */
export const kindsOf = (text: string, prefix: string, numberText = text): string =>
  `bit_or(CASE WHEN ${text} IS NULL THEN NULL WHEN ${isTold(text)} THEN CASE WHEN length(${text}) >= 10 AND ${text}[5:5] = '-' THEN ${timeKind(text)} ELSE ${numberKind(numberText)} END ` +
  `WHEN lower(${text}) IN ('true', 'false') THEN ${kind.boolean} ELSE ${kind.other} END) AS "${prefix}kinds"`;

/** The same over JSON values: there "12" is text and stands for no number. `number`: SQL that is true where a text is a number all the same, and its text. */
export const kindsOfJson = (json: string, prefix: string, number?: { readonly is: string; readonly text: string }): string =>
  `bit_or(CASE WHEN ${json} IS NULL OR ${json} = 'null' THEN NULL WHEN starts_with(${json}, '"') THEN ${number ? `CASE WHEN ${number.is} THEN ${numberKind(`(${number.text})`)} ELSE ` : ''}` +
  `CASE WHEN ${json}[2:2] >= '0' AND ${json}[2:2] <= '9' THEN ${timeKind(`(${json}[2:-2])`)} ELSE ${kind.other} END ${number ? 'END ' : ''}` +
  `WHEN ${isTold(json)} THEN ${numberKind(json)} WHEN ${json} IN ('true', 'false') THEN ${kind.boolean} ELSE ${kind.other} END) AS "${prefix}kinds"`;

/** The type that the kinds speak for; VARCHAR where no candidate takes them all, or there are none. */
export function typeOfKinds(row: TextRow, prefix: string): string {
  const found = Number(row[`${prefix}kinds`] ?? 0);
  return candidates.find(([, taken]) => found !== 0 && (found & ~taken) === 0)?.[0] ?? 'VARCHAR';
}

/** Columns at a time: the time to plan a query grows faster than its columns (1000 columns in one: minutes). */
const atOnce = 40;

/** All measures over a relation, a part of them at a time. */
export async function kindsIn(session: Session, measures: readonly string[], from: string): Promise<TextRow> {
  let all: TextRow = {};
  for (let at = 0; at < measures.length; at += atOnce) all = { ...all, ...(await session.row(`SELECT ${measures.slice(at, at + atOnce).join(', ')} FROM ${from}`)) };
  return all;
}

/** `name` in the order in which a list column first has it, record by record. */
export const namesInOrder = (list: string, from: string): string =>
  `SELECT name FROM (SELECT unnest(list) AS name, generate_subscripts(list, 1) AS spot, place FROM (SELECT ${list} AS list, row_number() OVER () AS place FROM ${from})) GROUP BY name ORDER BY min(place * 100000 + spot)`;
