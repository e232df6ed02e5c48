import type { Readable } from 'node:stream';
import { serialText } from './excel-dates';
import { longestRecord } from './sql';
import { xmlPieces } from './xml-events';

export interface Cell {
  /** From 0. */
  readonly column: number;
  /** Numbers as the digits that stand in the file, dates in ISO form. Null: empty. */
  readonly text: string | null;
  /** Follows "in column A": an error of a formula, a number that no date is. */
  readonly problem: string | null;
}

export interface SheetRow {
  /** As Excel numbers it, from 1. */
  readonly number: number;
  readonly cells: readonly Cell[];
}

export interface SheetContext {
  readonly shared: readonly string[];
  /** By cell style: whether numbers are dates. */
  readonly dates: readonly boolean[];
  readonly date1904: boolean;
}

const mostSheet = 64 * 2 ** 30;

/** The rows of a sheet in groups. */
export async function* readSheet(part: Readable, context: SheetContext, signal?: AbortSignal): AsyncGenerator<readonly SheetRow[]> {
  let done: SheetRow[] = [];
  let number = 0;
  let cells: Cell[] = [];
  let cell: { column: number; type: string; style: number; value: string; formula: boolean; given: boolean } | null = null;
  let reading = false;
  const pieces = xmlPieces(part, mostSheet, {
    open(name, attributes) {
      if (name === 'row') { number = Number(attributes['r'] ?? number + 1); cells = []; }
      else if (name === 'c') cell = { column: columnOf(attributes['r'], (cells.at(-1)?.column ?? -1) + 1), type: attributes['t'] ?? 'n', style: Number(attributes['s'] ?? 0), value: '', formula: false, given: false };
      else if (name === 'f' && cell) cell.formula = true;
      reading = name === 'v' || name === 't';
      if (name === 'v' && cell) cell.given = true;
    },
    text(text) {
      if (!reading || !cell) return;
      cell.value += text;
      if (cell.value.length > longestRecord) throw new Error(`a cell of row ${number} holds more than ${longestRecord / 2 ** 20} MB`);
    },
    close(name) {
      if (name === 'v' || name === 't') reading = false;
      if (name === 'c' && cell) { cells.push(cellOf(cell, context)); cell = null; }
      if (name === 'row') done.push({ number, cells });
    },
  });
  for await (const _piece of pieces) {
    signal?.throwIfAborted();
    if (done.length === 0) continue;
    yield done;
    done = [];
  }
  if (done.length > 0) yield done;
}

interface OpenCell { readonly column: number; readonly type: string; readonly style: number; readonly value: string; readonly formula: boolean; readonly given: boolean }

function cellOf({ column, type, style, value, formula, given }: OpenCell, { shared, dates, date1904 }: SheetContext): Cell {
  const found = (text: string | null, problem: string | null = null): Cell => ({ column, text, problem });
  // Programs that write workbooks leave the values of formulas to Excel.
  if (formula && !given) return found(null, 'stands a formula that was never worked out: open the workbook in Excel and save it');
  switch (type) {
    case 's': return shared[Number(value)] === undefined ? found(value, 'stands no text') : found(unescaped(shared[Number(value)]!));
    case 'b': return value === '' || value === '0' || value === '1' ? found(value === '' ? null : value === '1' ? 'true' : 'false') : found(value, 'stands no truth value');
    case 'e': return found(value, `stands the error ${/^#[A-Z0-9/!?_]+$/.test(value) ? value : 'of a formula'}`);
    case 'str': case 'inlineStr': return found(value === '' && !formula ? null : unescaped(value));
    case 'd': return found(value.replace(/Z$/, ''));
    default: {
      if (value === '') return found(null);
      if (!dates[style]) return found(value);
      const text = serialText(value, date1904);
      return text === null ? found(value, 'stands a number that is no date') : found(text);
    }
  }
}

/** What XML cannot hold, or would change, is written `_x000D_` in a workbook. */
const unescaped = (text: string): string => text.replace(/_x([0-9A-Fa-f]{4})_/g, (_whole, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

/** `AB12` → 27; `next` where the cell does not say. */
function columnOf(reference: string | undefined, next: number): number {
  if (reference === undefined) return next;
  const letters = /^([A-Z]{1,3})\d*$/.exec(reference)?.[1];
  if (!letters) throw new Error(`"${reference}" is no place of a cell`);
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}
