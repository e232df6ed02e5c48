import { ConfigurationError } from '../domain/errors';
import type { Session } from './duckdb-engine';
import { quoteLiteral } from './quote';

/**
 * Refuses SQL that a user wrote if it is not one SELECT, or reads anything but the named relations: files, other tables and
 * table functions would escape the run's bounds.
 */
export async function refuseForeignSql(session: Session, sql: string, allowed: readonly string[], word: string): Promise<void> {
  const { json } = await session.row(`SELECT CAST(json_serialize_sql(${quoteLiteral(sql)}) AS VARCHAR) AS json`);
  const tree = JSON.parse(json!) as { error: boolean; error_message?: string; statements?: unknown[] };
  if (tree.error || tree.statements?.length !== 1) throw new ConfigurationError(`compiling step "${word}": ${tree.error_message ?? 'it must be a single SELECT'}`, { step: word });
  const own = new Set([...allowed, ...commonTables(tree)].map((name) => name.toLowerCase()));
  walk(tree, (node) => {
    if (node['type'] === 'TABLE_FUNCTION' && functionName(node) !== 'unnest') throw new ConfigurationError(`compiling step "${word}": table functions cannot be used here; use a join with "file" or another stream`, { step: word });
    if (hidden.has(String(functionName(node) ?? node['function_name']).toLowerCase())) throw new ConfigurationError(`compiling step "${word}": "${String(functionName(node) ?? node['function_name'])}" cannot be used here`, { step: word });
    const table = node['table_name'];
    if (node['type'] === 'BASE_TABLE' && typeof table === 'string' && !own.has(table.toLowerCase())) throw new ConfigurationError(`compiling step "${word}": it reads "${table}"; it may read only ${allowed.join(', ') || 'the row'}`, { step: word });
  });
}

/** Functions that look into the session: secrets lie there. */
const hidden: ReadonlySet<string> = new Set(['getvariable', 'current_setting', 'duckdb_variables', 'current_query']);

type Node = Record<string, unknown>;

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) value.forEach((item) => walk(item, visit));
  else if (typeof value === 'object' && value !== null) {
    visit(value as Node);
    Object.values(value).forEach((item) => walk(item, visit));
  }
}

const functionName = (node: Node): unknown => (node['function'] as Node | undefined)?.['function_name'];

function commonTables(tree: unknown): readonly string[] {
  const names: string[] = [];
  walk(tree, (node) => {
    const map = (node['cte_map'] as { map?: { key?: string }[] } | undefined)?.map;
    for (const { key } of map ?? []) if (key) names.push(key);
  });
  return names;
}
