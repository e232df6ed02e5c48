import { matchesWhole } from './sql';
import type { Session, TextRow } from '../transforms/duckdb-engine';

/** Types that text is tried as, narrowest first; a column gets the first one that all its values are written in (semantics 4, Files). */
const candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE'] as const;
type Candidate = (typeof candidates)[number];

const day = String.raw`\d{4}-\d{2}-\d{2}`;
const clock = String.raw`\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?`;

/**
 * Leading zeros, a plus sign, −0, integers beyond 2^63 and numbers of more digits than a double holds are no numbers: as text
 * they stay what they are. Only ISO dates are dates, since 01/02/2024 has two meanings.
 */
const written: Readonly<Record<Candidate, (text: string) => string>> = {
  BOOLEAN: (text) => `lower(${text}) IN ('true', 'false')`,
  BIGINT: (text) => `(${matchesWhole(text, String.raw`-?[1-9]\d{0,18}|0`)} AND TRY_CAST(${text} AS BIGINT) IS NOT NULL)`,
  DOUBLE: (text) => `(${matchesWhole(text, String.raw`-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?`)} AND isfinite(TRY_CAST(${text} AS DOUBLE)) AND ` +
    `length(ltrim(regexp_replace(regexp_replace(${text}, '[eE].*$', ''), '[-.]', '', 'g'), '0')) <= CASE WHEN ${matchesWhole(text, String.raw`-?\d+`)} THEN 15 ELSE 17 END)`,
  DATE: (text) => `(${matchesWhole(text, day)} AND TRY_CAST(${text} AS DATE) IS NOT NULL)`,
  TIMESTAMP: (text) => `(${matchesWhole(text, `${day}[ T]${clock}`)} AND TRY_CAST(${text} AS TIMESTAMP) IS NOT NULL)`,
  'TIMESTAMP WITH TIME ZONE': (text) => `(${matchesWhole(text, `${day}[ T]${clock}(Z|[+-]\\d{2}(:?\\d{2})?)`)} AND TRY_CAST(${text} AS TIMESTAMPTZ) IS NOT NULL)`,
};

/** JSON kinds a candidate may come from: a string "12" next to a number 12 is a mixed column and stays text. */
const kinds: Readonly<Record<Candidate, readonly string[]>> = {
  BOOLEAN: ['BOOLEAN'], BIGINT: ['BIGINT', 'UBIGINT'], DOUBLE: ['BIGINT', 'UBIGINT', 'DOUBLE'],
  DATE: ['VARCHAR'], TIMESTAMP: ['VARCHAR'], 'TIMESTAMP WITH TIME ZONE': ['VARCHAR'],
};

/** Aggregates over `text`, named `<prefix>given` and `<prefix>0` …: how many values there are, and how many each candidate takes. `numberText`: how the text reads as a number, where that differs. */
export function tallies(text: string, prefix: string, kind?: string, numberText = text): string {
  const taken = candidates.map((candidate, index) => {
    const ofKind = kind ? ` AND ${kind} IN (${kinds[candidate].map((name) => `'${name}'`).join(', ')})` : '';
    const shown = candidate === 'BIGINT' || candidate === 'DOUBLE' ? numberText : text;
    return `count(*) FILTER (WHERE ${written[candidate](shown)}${ofKind}) AS "${prefix}${index}"`;
  });
  return [`count(${text}) AS "${prefix}given"`, ...taken].join(', ');
}

/** The type that `tallies` speak for; VARCHAR where no candidate takes all values, or there is none. */
export function talliedType(row: TextRow, prefix: string): string {
  const given = row[`${prefix}given`];
  if (given === '0' || given === null) return 'VARCHAR';
  return candidates.find((_candidate, index) => row[`${prefix}${index}`] === given) ?? 'VARCHAR';
}

/** Columns at a time: the time to plan a query grows faster than its columns (1000 columns in one: minutes). */
const atOnce = 40;

/** All measures over a relation, a part of them at a time. */
export async function talliesOf(session: Session, measures: readonly string[], from: string): Promise<TextRow> {
  let all: TextRow = {};
  for (let at = 0; at < measures.length; at += atOnce) all = { ...all, ...(await session.row(`SELECT ${measures.slice(at, at + atOnce).join(', ')} FROM ${from}`)) };
  return all;
}

/** `name` in the order in which a list column first has it, record by record. */
export const namesInOrder = (list: string, from: string): string =>
  `SELECT name FROM (SELECT unnest(list) AS name, generate_subscripts(list, 1) AS spot, place FROM (SELECT ${list} AS list, row_number() OVER () AS place FROM ${from})) GROUP BY name ORDER BY min(place * 100000 + spot)`;
