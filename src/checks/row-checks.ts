import type { Column } from '../domain/column';
import type { JsonObject } from '../domain/json';
import { isAtDestination, type NamedOptions } from '../domain/pipeline';
import type { CheckResultLine } from '../domain/receipt';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { Guard } from '../transforms/step';
import type { CheckInput, RowCheck } from './check';
import { checkNamed, checkReference } from './registry';
import { checkId, resultLine } from './result-line';

export interface CompiledRowChecks {
  /** Of checks with `on_fail: quarantine`: rows to set aside. */
  readonly guards: readonly Guard[];
  /** Some of the guards look at other rows. */
  readonly windowed: boolean;
  /** Of the others: one condition per check, by its index, to count. */
  readonly counted: readonly { readonly index: number; readonly when: string }[];
}

/** Row checks of a stream over one relation (quoted name). @param shares also those of which a share may fail. */
export function compileRowChecks(checks: readonly NamedOptions[], columns: readonly Column[], relation: string, references: CheckReferences = {}, shares = false): CompiledRowChecks {
  const guards: Guard[] = [];
  let windowed = false;
  const counted: { index: number; when: string }[] = [];
  checks.forEach((spec, index) => {
    if (isAtDestination(spec)) return;
    const { name, options } = spec;
    const compiled = checkNamed(name).compile(optionsOf(options), { columns, relation, references: references[checkReference(index)] ?? {} });
    const quarantine = options['on_fail'] === 'quarantine';
    const limited = (when: string): string => (typeof options['where'] === 'string' ? `((${options['where']}) AND (${when}))` : `(${when})`);
    if (compiled.kind === 'stream') {
      if (!quarantine || !compiled.quarantine) return;
      windowed = true;
      guards.push({ ...compiled.quarantine, check: index, column: compiled.quarantine.column ?? name, output: '', when: limited(compiled.quarantine.when) });
      return;
    }
    if (options['mostly'] !== undefined && !shares) return;
    if (quarantine) guards.push(...compiled.violations.map(({ column, when, reason }) => ({ check: index, column: column ?? name, output: '', when: limited(when), reason })));
    else counted.push({ index, when: compiled.violations.map(({ when }) => limited(when)).join(' OR ') });
  });
  return { guards, windowed, counted };
}

/** What checks need besides the rows. */
export interface CheckOutside {
  readonly references?: CheckReferences;
  /** By the check's id. */
  readonly history?: ReadonlyMap<string, readonly string[]>;
  /** Asks the source for aggregates; absent: it cannot be asked. */
  readonly askSource?: ((aggregates: readonly string[]) => Promise<readonly (string | null)[] | null>) | undefined;
}
type CheckReferences = Readonly<Record<number, NonNullable<CheckInput['references']>>>;

/** Checks over all staged rows of a stream, for the gate; row checks have been counted batch by batch, unless a share of them may fail. */
export async function runStreamChecks(session: Session, relation: string, columns: readonly Column[], checks: readonly NamedOptions[], outside: CheckOutside = {}): Promise<readonly CheckResultLine[]> {
  const results: CheckResultLine[] = [];
  for (const [index, spec] of checks.entries()) {
    if (isAtDestination(spec)) continue;
    const { name, options } = spec;
    const { where, mostly } = options;
    const check = checkNamed(name);
    const source = typeof where === 'string' ? `(SELECT * FROM ${quoteIdentifier(relation)} WHERE ${where})` : quoteIdentifier(relation);
    const asked = check.asksSource(options);
    const id = checkId(spec);
    const compiled = check.compile(optionsOf(options), {
      columns, relation: source, references: outside.references?.[checkReference(index)] ?? {}, history: outside.history?.get(id)?.slice(0, check.historyOf(options)) ?? [],
      source: asked.length > 0 && outside.askSource ? await outside.askSource(asked) : null,
    });
    if (compiled.kind === 'row' ? mostly === undefined : options['on_fail'] === 'quarantine' && compiled.quarantine) continue;
    results.push(resultLine(spec, await session.row(compiled.kind === 'row' ? shareSql(compiled, source, Number(mostly)) : compiled.sql)));
  }
  return results;
}

/** One row: how many fail where that is more than may, else 0. Standard SQL: destinations are asked with it too. */
export function shareSql({ violations }: RowCheck, source: string, mostly?: number): string {
  const bad = violations.map(({ when }) => `(${when})`).join(' OR ');
  return `SELECT CASE WHEN good >= ${mostly ?? 1} * n THEN 0 ELSE n - good END AS failing, (n - good) || ' of ' || n || ' rows fail${mostly === undefined ? '' : `, ${mostly} must pass`}' AS message, CAST(CASE WHEN n > 0 THEN good * 1.0 / n END AS VARCHAR) AS measured, '${mostly === undefined ? 'every row must pass' : `${mostly} must pass`}' AS expected ` +
    `FROM (SELECT count(*) AS n, count(*) FILTER (WHERE (${bad}) IS NOT TRUE) AS good FROM ${source}) AS counted`;
}

export const optionsOf = ({ on_fail: _onFail, where: _where, mostly: _mostly, at: _at, ...rest }: JsonObject): JsonObject => rest;
