import type { Column } from '../domain/column';
import type { JsonObject } from '../domain/json';
import type { NamedOptions } from '../domain/pipeline';
import type { CheckResultLine } from '../domain/receipt';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { Guard } from '../transforms/step';
import { checkNamed } from './registry';

export interface CompiledRowChecks {
  /** Of checks with `on_fail: quarantine`: rows to set aside. */
  readonly guards: readonly Guard[];
  /** Some of the guards look at other rows. */
  readonly windowed: boolean;
  /** Of the others: one condition per check, by its index, to count. */
  readonly counted: readonly { readonly index: number; readonly when: string }[];
}

/** Row checks of a stream over one relation (quoted name). */
export function compileRowChecks(checks: readonly NamedOptions[], columns: readonly Column[], relation: string): CompiledRowChecks {
  const guards: Guard[] = [];
  let windowed = false;
  const counted: { index: number; when: string }[] = [];
  checks.forEach(({ name, options }, index) => {
    const compiled = checkNamed(name).compile(optionsOf(options), { columns, relation });
    const quarantine = options['on_fail'] === 'quarantine';
    const limited = (when: string): string => (typeof options['where'] === 'string' ? `((${options['where']}) AND (${when}))` : `(${when})`);
    if (compiled.kind === 'stream') {
      if (!quarantine || !compiled.quarantine) return;
      windowed = true;
      guards.push({ ...compiled.quarantine, column: compiled.quarantine.column ?? name, output: '', when: limited(compiled.quarantine.when) });
      return;
    }
    if (quarantine) guards.push(...compiled.violations.map(({ column, when, reason }) => ({ column: column ?? name, output: '', when: limited(when), reason })));
    else counted.push({ index, when: compiled.violations.map(({ when }) => limited(when)).join(' OR ') });
  });
  return { guards, windowed, counted };
}

/** Checks over all staged rows of a stream, for the gate; row checks have been counted batch by batch. */
export async function runStreamChecks(session: Session, relation: string, columns: readonly Column[], checks: readonly NamedOptions[]): Promise<readonly CheckResultLine[]> {
  const results: CheckResultLine[] = [];
  for (const { name, options } of checks) {
    const where = options['where'];
    const source = typeof where === 'string' ? `(SELECT * FROM ${quoteIdentifier(relation)} WHERE ${where})` : quoteIdentifier(relation);
    const compiled = checkNamed(name).compile(optionsOf(options), { columns, relation: source });
    if (compiled.kind === 'row' || (options['on_fail'] === 'quarantine' && compiled.quarantine)) continue;
    const { failing, message } = await session.row(compiled.sql);
    results.push({ check: name, onFail: String(options['on_fail'] ?? 'block'), passed: failing === '0', failingRows: Number(failing), message: message ?? '' });
  }
  return results;
}

const optionsOf = ({ on_fail: _onFail, where: _where, ...rest }: JsonObject): JsonObject => rest;
