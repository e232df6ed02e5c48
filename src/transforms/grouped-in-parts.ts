import { positionColumn, type Column } from '../domain/column';
import { nextName, type ChainState } from './chain-state';
import type { Session } from './duckdb-engine';
import { quoteIdentifier, quoteList } from './quote';
import type { Grouping } from './step';

/**
 * DuckDB spills groups, but not what an aggregate keeps of them outside its own row: the text of a `max(note)`, a `list` (measured: 1,360 MB for 20 million
 * rows of 32 letters under a limit of 400 MB). Where that would be much, rows are sorted by a part of their groups and grouped part by part.
 */
const partBytes = 200e6;
/** Below it each thread meets a group once, so that little is kept, whatever the rows are. */
const fewGroups = 100_000;
const part = quoteIdentifier('_millrace_part');

/** How many parts are needed for what the measures keep. */
export async function partsFor(session: Session, { relation, columns }: ChainState, { measures }: Grouping, rows: number, groups: number): Promise<number> {
  const kept = measures.filter((measure) => !isFixed(measure, columns));
  if (kept.length === 0 || groups < fewGroups) return 1;
  const long = columns.filter(({ name, type }) => !hasFixedSize(type) && kept.some((measure) => measure.includes(name)));
  const bytes = long.length === 0 ? '0' : `avg(${long.map(({ name }) => `coalesce(strlen(CAST(${quoteIdentifier(name)} AS VARCHAR)), 0)`).join(' + ')})`;
  const { width } = await session.row(`SELECT CAST(coalesce(${bytes}, 0) AS BIGINT) AS width FROM (SELECT * FROM ${quoteIdentifier(relation)} LIMIT 100000)`);
  return Math.min(1000, Math.ceil((rows * (Number(width) + 16 * kept.length) * 1.5) / partBytes));
}

/** Whether what is kept of a group has one size: sums and counts, and the least or greatest of such values. */
function isFixed(measure: string, columns: readonly Column[]): boolean {
  const [, of] = /^\s*(?:min|max)\s*\(\s*"?(\w+)"?\s*\)\s*$/i.exec(measure) ?? [];
  if (of !== undefined) return columns.some(({ name, type }) => name === of && hasFixedSize(type));
  return [...measure.matchAll(/(\w+)\s*\(/g)].every(([, name]) => /^(count|sum|avg|mean|bool_and|bool_or|stddev\w*|var(iance|_\w+)|filter)$/i.test(name!));
}

const hasFixedSize = (type: string): boolean => /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\)|DOUBLE|FLOAT|BOOLEAN|DATE|TIME\b.*|TIMESTAMP\b.*|INTERVAL|UUID)$/.test(type);

/** SELECT of all groups in their order. @param select the step's own over a relation with the columns of the step's input. */
export async function groupedInParts(session: Session, state: ChainState, { by, names }: Grouping, parts: number, select: (relation: string) => string): Promise<string> {
  const [sorted, groups] = [nextName(state), nextName(state)];
  const columns = quoteList([...state.columns.map(({ name }) => name), positionColumn]);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(sorted)} AS SELECT ${columns}, CAST(hash(${by.join(', ')}) % ${parts} AS INTEGER) AS ${part} FROM ${quoteIdentifier(state.relation)} ORDER BY ${part}`);
  for (let number = 0; number < parts; number += 1) {
    const view = nextName(state);
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS SELECT ${columns} FROM ${quoteIdentifier(sorted)} WHERE ${part} = ${number}`);
    await session.run(`${number === 0 ? `CREATE TEMP TABLE ${quoteIdentifier(groups)} AS` : `INSERT INTO ${quoteIdentifier(groups)}`} ${select(view)}`);
  }
  await session.run(`DROP TABLE ${quoteIdentifier(sorted)} CASCADE`);
  return `SELECT * FROM ${quoteIdentifier(groups)} ORDER BY ${quoteList(names)}`;
}
