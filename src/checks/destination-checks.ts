import type { InspectedTable } from '../connectors/connector';
import { ConfigurationError, EtlError } from '../domain/errors';
import { isAtDestination, type NamedOptions } from '../domain/pipeline';
import type { CheckResultLine } from '../domain/receipt';
import { checkNamed } from './registry';
import { resultLine } from './result-line';
import { optionsOf, shareSql } from './row-checks';

/** Checks with `at: destination` over the target, in its own SQL; each failing row of a row check is counted, none is read out. */
export async function runDestinationChecks(checks: readonly NamedOptions[], table: InspectedTable): Promise<readonly CheckResultLine[]> {
  const results: CheckResultLine[] = [];
  for (const spec of checks.filter(isAtDestination)) {
    results.push({ ...resultLine(spec, await asked(table, spec.name, sqlOf(spec, table))), at: 'destination' });
  }
  return results;
}

function sqlOf({ name, options }: NamedOptions, { table, columns, dialect }: InspectedTable): string {
  const { where, mostly } = options;
  const relation = typeof where === 'string' ? `(SELECT * FROM ${table} WHERE ${where}) AS checked` : table;
  const compiled = checkNamed(name).compile(optionsOf(options), { columns, relation, dialect });
  return compiled.kind === 'row' ? shareSql(compiled, relation, mostly === undefined ? undefined : Number(mostly)) : compiled.sql;
}

/** A condition that the destination cannot understand is the pipeline's mistake; what it says of a value is not repeated. */
async function asked({ ask }: InspectedTable, name: string, sql: string): Promise<Readonly<Record<string, string | null>>> {
  try {
    return await ask(sql);
  } catch (error) {
    if (EtlError.is(error) && error.disposition !== 'hold') throw error;
    const said = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    const understood = EtlError.is(error) ? !/^42/.test(String(error.facts['code'])) : !/^(Binder|Parser|Catalog) Error/.test(said);
    throw new ConfigurationError(`checking "${name}" at the destination: ${understood ? `a value does not suit the check (${EtlError.is(error) ? String(error.facts['code']) : said.split(':')[0]!})` : said}; correct the check, then run the pipeline again; nothing was published`, { check: name });
  }
}
