/** One line of the balance: `in + created = out + rejected + filtered + deduplicated + aggregated` (semantics 6). */
export interface BalanceLine {
  /** `extract`, `1 trim`, `2 cast`, `checks`, `load`: order in the chain, then the word the user wrote. */
  readonly step: string;
  readonly in: number;
  readonly created: number;
  readonly out: number;
  readonly rejected: number;
  readonly filtered: number;
  readonly deduplicated: number;
  readonly aggregated: number;
}

export const emptyLine = (step: string): BalanceLine => ({
  step, in: 0, created: 0, out: 0, rejected: 0, filtered: 0, deduplicated: 0, aggregated: 0,
});

export const closes = (line: BalanceLine): boolean =>
  line.in + line.created === line.out + line.rejected + line.filtered + line.deduplicated + line.aggregated;

/** What a whole stream or run comes to. */
export interface Totals {
  readonly read: number;
  readonly created: number;
  readonly loaded: number;
  readonly rejected: number;
  readonly filtered: number;
  readonly deduplicated: number;
  readonly aggregated: number;
}
export const noTotals: Totals = { read: 0, created: 0, loaded: 0, rejected: 0, filtered: 0, deduplicated: 0, aggregated: 0 };

export const addTotals = (left: Totals, right: Totals): Totals => ({
  read: left.read + right.read,
  created: left.created + right.created,
  loaded: left.loaded + right.loaded,
  rejected: left.rejected + right.rejected,
  filtered: left.filtered + right.filtered,
  deduplicated: left.deduplicated + right.deduplicated,
  aggregated: left.aggregated + right.aggregated,
});

export const balances = (totals: Totals): boolean =>
  totals.read + totals.created ===
  totals.loaded + totals.rejected + totals.filtered + totals.deduplicated + totals.aggregated;

/** Sums lines of equal step over batches; keeps the order of first appearance. */
export function sumLines(batches: readonly (readonly BalanceLine[])[]): readonly BalanceLine[] {
  const sums = new Map<string, BalanceLine>();
  for (const line of batches.flat()) sums.set(line.step, addLines(sums.get(line.step) ?? emptyLine(line.step), line));
  return [...sums.values()];
}

const addLines = (left: BalanceLine, right: BalanceLine): BalanceLine => ({
  step: left.step,
  in: left.in + right.in,
  created: left.created + right.created,
  out: left.out + right.out,
  rejected: left.rejected + right.rejected,
  filtered: left.filtered + right.filtered,
  deduplicated: left.deduplicated + right.deduplicated,
  aggregated: left.aggregated + right.aggregated,
});

/** Every problem of a chain of lines: a line that does not close, a gap between two lines. Empty: it closes from `read` to `staged`. */
export function chainProblems(lines: readonly BalanceLine[], read: number, staged: number): readonly string[] {
  const problems = lines.filter((line) => !closes(line)).map((line) => `"${line.step}" does not close: ${lineText(line)}`);
  let expected = read;
  for (const line of lines) {
    if (line.in !== expected) problems.push(`"${line.step}" received ${line.in} rows, ${expected} were handed on`);
    expected = line.out;
  }
  if (expected !== staged) problems.push(`${staged} rows are staged, the last step handed on ${expected}`);
  return problems;
}

export const lineText = (line: BalanceLine): string =>
  `in ${line.in} + created ${line.created} = out ${line.out} + rejected ${line.rejected} + filtered ${line.filtered} + ` +
  `deduplicated ${line.deduplicated} + aggregated ${line.aggregated}`;
