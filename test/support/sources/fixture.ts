import type { TextRow } from '../../../src/transforms/duckdb-engine';

/** A stream of a source, made on a real server (or on a simulator where there is none to be had), whose rows come in steps. */
export interface SourceFixture {
  /** Options of the connection. */
  readonly connection: unknown;
  readonly baseFolder?: string;
  readonly stream: string;
  /** Words of the stream for a reading of all, and for one of what is new; null: it refuses that. */
  readonly words: { readonly full: string; readonly incremental: string | null };
  /** `name TYPE` of every column, as planned. */
  readonly columns: readonly string[];
  /** Every value as text. Each step's rows are made by `grow`; those of the first one are the hard ones. */
  readonly steps: readonly (readonly TextRow[])[];
  /** Makes a step's rows; returns the logical date at which they are read and those of later steps are not. */
  grow(step: number): Promise<string>;
  /** Why what lands is not the same byte for byte each time; absent: it is. */
  readonly otherBytes?: string;
  /** How `discover` names the stream; null: what it cannot list. */
  readonly discovered: string | null;
  /** Makes what was planned untrue: the reading that follows must be refused. Null: this source has nothing of that kind. */
  readonly spoil: (() => Promise<void>) | null;
  close(): Promise<void>;
}

export interface SourceFixtureDefinition {
  /** Where a connector reads in several ways: which one it is, the fixture being named for the way. Absent: the fixture is named for it. */
  readonly connector?: string;
  /** False where the machine cannot have the server: said loudly, and an error where it is demanded. Absent: there is one always. */
  readonly available?: () => boolean;
  /** Hard values that the source cannot hold, each with the reason. */
  readonly lacks?: Readonly<Partial<Record<HardValue, string>>>;
  open(): Promise<SourceFixture>;
}

/** What every source must carry unharmed. */
export const hardValues = {
  'NULL': (value: string | null) => value === null,
  'an empty text': (value: string | null) => value === '',
  '2^63 − 1': (value: string | null) => value === '9223372036854775807',
  'a number of 38 digits': (value: string | null) => value === '-12345678901234567890123456789.123456789',
  'microseconds': (value: string | null) => value !== null && /^2026-01-01 00:00:00\.000001(\+00)?$/.test(value),
  'a text that looks like a NULL mark': (value: string | null) => value === '\\N',
  'quotes and commas': (value: string | null) => value === 'a "b", c',
  'a line break': (value: string | null) => value === 'line\nbreak\r\nand tab\t.',
  'characters beyond the basic plane': (value: string | null) => value === 'é 😀',
} as const;
export type HardValue = keyof typeof hardValues;

const instant = (hour: number, more = ''): string => `2026-01-01 0${hour}:00:00${more}`;

/** Rows that databases and files hold alike: `id`, `big`, `price` DECIMAL(38,9), `t`, `at`. */
export const commonRows = (zone = '+00', price = (text: string): string => text): readonly (readonly TextRow[])[] => [
  [
    { id: '1', big: '9223372036854775807', price: price('-12345678901234567890123456789.123456789'), t: 'a "b", c', at: `${instant(0, '.000001')}${zone}` },
    { id: '2', big: null, price: null, t: null, at: `${instant(0)}${zone}` },
    { id: '3', big: '-9223372036854775808', price: price('0.000000001'), t: '', at: `${instant(0, '.999999')}${zone}` },
    { id: '4', big: '0', price: price('0.100000000'), t: '\\N', at: `${instant(0)}${zone}` },
    { id: '5', big: '5', price: price('5.000000000'), t: 'line\nbreak\r\nand tab\t.', at: `${instant(0)}${zone}` },
    { id: '6', big: '6', price: price('6.000000000'), t: 'é 😀', at: `${instant(0)}${zone}` },
  ],
  [{ id: '7', big: '7', price: price('7.000000000'), t: 'seven', at: `${instant(1)}${zone}` }, { id: '8', big: '8', price: price('8.000000000'), t: 'eight', at: `${instant(1, '.5')}${zone}` }],
  [{ id: '9', big: '9', price: price('9.000000000'), t: 'nine', at: `${instant(2)}${zone}` }],
];

/** Half an hour after the rows of a step, and half an hour before those of the next. */
export const readAt = (step: number): string => `2026-01-01T0${step}:30:00Z`;

/** Rows as SQL values, for servers that take standard literals. */
export const sqlValues = (rows: readonly TextRow[], text = (value: string): string => `'${value.replaceAll("'", "''")}'`): string =>
  rows.map((row) => `(${Object.entries(row).map(([name, value]) => (value === null ? 'NULL' : name === 't' || name === 'at' ? text(value) : value)).join(', ')})`).join(', ');
