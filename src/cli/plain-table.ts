import Table from 'cli-table3';
import { columnsOf, fitted } from './words';

export const noBorders = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
};

export interface PlainTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns set flush right, by index. */
  readonly right?: readonly number[];
  readonly width?: number;
  readonly indent?: string;
}

const narrowest = 6;

/** A table without lines that stays within the screen: the widest columns are cut until it does. */
export function plainTable({ head, rows, right = [], width = screenWidth(), indent = '' }: PlainTable): string {
  const widths = fittedWidths([head, ...rows].map((row) => row.map(columnsOf)), width - indent.length);
  const table = new Table({ head: cut(head, widths), chars: noBorders, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 }, colAligns: head.map((_word, at) => (right.includes(at) ? 'right' : 'left')) });
  table.push(...rows.map((row) => cut(row, widths)));
  return table.toString().split('\n').map((line) => `${indent}${line.trimEnd()}`).join('\n');
}

const cut = (row: readonly string[], widths: readonly number[]): string[] => row.map((cell, at) => fitted(cell, widths[at]!));

function fittedWidths(lengths: readonly (readonly number[])[], width: number): readonly number[] {
  const widths = lengths[0]!.map((_length, at) => Math.max(1, ...lengths.map((row) => row[at] ?? 0)));
  const total = () => widths.reduce((sum, one) => sum + one + 2, -2);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= narrowest) break;
    widths[widest]! -= 1;
  }
  return widths;
}

/** Text broken at spaces to lines of `width`; a word that is longer stands alone. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** 80 where it is not known, as in a pipe. */
export const screenWidth = (): number => Math.max(60, process.stdout.columns ?? 80);
