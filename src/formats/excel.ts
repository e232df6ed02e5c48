import { z } from 'zod';
import { SourceHeldError } from '../domain/errors';
import { defineConvertedFormat } from './converted';
import type { ConvertedRecord } from './format';
import { openWorkbook } from './excel-workbook';
import type { SheetRow } from './excel-sheet';

const optionsSchema = z.strictObject({
  sheet: z.string().min(1).optional().describe('Name of the sheet; without it, the first one'),
  header: z.boolean().default(true).describe('Whether the first row names the columns; without it they are A, B, …'),
  skip: z.number().int().min(0).default(0).describe('Rows before the header'),
});
type Options = z.output<typeof optionsSchema>;

export const excel = defineConvertedFormat({
  name: 'excel',
  summary: 'Excel workbooks (.xlsx): the rows of a sheet; dates as they are shown, formulas by their stored results, errors in cells quarantined',
  extensions: ['xlsx', 'xlsm'],
  optionsSchema,
  convert: (path, options, signal) => rowsOf(path, options, signal),
  untyped: true,
});

async function* rowsOf(path: string, options: Options, signal?: AbortSignal): AsyncGenerator<readonly ConvertedRecord[]> {
  const workbook = await openWorkbook(path);
  try {
    let names: ReadonlyMap<number, string> | null = options.header ? null : new Map();
    for await (const group of workbook.rows(options.sheet, signal)) {
      const records: ConvertedRecord[] = [];
      for (const row of group) {
        if (row.number <= options.skip || row.cells.every(({ text, problem }) => (text === null || text === '') && problem === null)) continue;
        if (names === null) names = headerOf(row);
        else records.push(recordOf(row, names, options.header));
      }
      yield records;
    }
  } finally {
    workbook.close();
  }
}

function headerOf({ cells, number }: SheetRow): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const taken = new Set<string>();
  for (const { column, text, problem } of cells) {
    if (problem) throw new SourceHeldError(`reading the header of a workbook: row ${number}, column ${letters(column)} ${problem}; mend the file, or set "skip"`);
    const name = text?.trim() || letters(column);
    let distinct = name;
    for (let copy = 1; taken.has(distinct.toLowerCase()); copy += 1) distinct = `${name}_${copy}`;
    taken.add(distinct.toLowerCase());
    names.set(column, distinct);
  }
  return names;
}

/** A cell beyond the header belongs to no column: the row is set aside rather than cut. */
function recordOf({ number, cells }: SheetRow, names: ReadonlyMap<number, string>, header: boolean): ConvertedRecord {
  const filled = cells.filter(({ text, problem }) => problem !== null || (text !== null && text !== ''));
  const members = filled.map((cell) => [names.get(cell.column) ?? letters(cell.column), cell.text] as const);
  const bad = filled.find(({ problem }) => problem !== null);
  const stray = header ? filled.find(({ column }) => !names.has(column)) : undefined;
  const problem = bad ? `in column ${letters(bad.column)} ${bad.problem}` : stray ? `has a value in column ${letters(stray.column)}, which the header does not name` : null;
  const body = JSON.stringify(Object.fromEntries([...[...names.values()].map((name) => [name, null] as const), ...members]));
  return problem === null ? { line: number, body, problem } : { line: number, body: null, problem, raw: body };
}

/** 0 → A, 26 → AA. */
export function letters(column: number): string {
  const rest = Math.floor(column / 26);
  return (rest > 0 ? letters(rest - 1) : '') + String.fromCharCode(65 + (column % 26));
}
