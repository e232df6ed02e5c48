import type { Column } from '../domain/column';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { fitOf, type Fit } from './fits';
import { ordinalColumn, type ReadRequest, type ReadResult } from './format';

export interface JudgedRecords {
  /** SELECT of `ordinal` BIGINT, `line` BIGINT, `raw` VARCHAR (JSON), `problem` VARCHAR (why the record as a whole cannot be read; NULL: it can) and what `text` speaks of. */
  readonly records: string;
  /** SQL of a column's text; NULL where the record has no such value. */
  text(column: Column, index: number): string;
  /** How a column's text becomes its value where the type's own way does not read it; null: it does. `text` is the SQL of it. */
  fit?(column: Column, text: string): Fit | null;
}

/** How the texts `t0` … become the columns' values. */
export const fitsOf = (columns: readonly Column[], fit: JudgedRecords['fit']): readonly Fit[] =>
  columns.map((column, index) => fit?.(column, `t${index}`) ?? fitOf(`t${index}`, column.type));

/** Reads records once: those that fit the columns with their types, the others with their reasons. */
export async function judgeRecords(session: Session, { records, text, fit }: JudgedRecords, request: ReadRequest): Promise<ReadResult> {
  const { columns, relation, ordinals, rejects } = request;
  const fits = fitsOf(columns, fit).map((one, index) => ({ column: columns[index]!, ...one }));
  const texts = columns.map((column, index) => `${text(column, index)} AS t${index}`);
  const misfit = ['problem IS NOT NULL', ...fits.map(({ misfit: one }) => one)].join(' OR ');
  const reasons = fits.map(({ column, misfit: one, reason }) => `CASE WHEN ${one} THEN {'column': ${quoteLiteral(column.name)}, 'reason': ${quoteLiteral(reason)}} END`);
  const list = `CASE WHEN problem IS NOT NULL THEN [{'column': NULL::VARCHAR, 'reason': problem}] ELSE list_filter([${reasons.join(', ') || 'NULL'}], lambda reason: reason IS NOT NULL) END`;
  const values = fits.map(({ value }, index) => `CASE WHEN misfit THEN NULL ELSE ${value} END AS c${index}`);
  const judged = quoteIdentifier(`${relation}_judged`);
  await session.run(`CREATE TEMP TABLE ${judged} AS SELECT ordinal, ${[...values, ''].join(', ')}misfit, CASE WHEN misfit THEN line END AS line, CASE WHEN misfit THEN raw END AS raw, CASE WHEN misfit THEN CAST(to_json(${list}) AS VARCHAR) END AS reasons ` +
    `FROM (SELECT *, (${misfit}) AS misfit FROM (SELECT ${['ordinal', 'line', 'raw', 'problem', ...texts].join(', ')} FROM (${records})))`);
  const named = columns.map(({ name }, index) => `c${index} AS ${quoteIdentifier(name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${[...named, ...(ordinals ? [`ordinal AS ${quoteIdentifier(ordinalColumn)}`] : [])].join(', ')} FROM ${judged} WHERE NOT misfit`);
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(rejects)} AS SELECT ordinal, line, raw, reasons FROM ${judged} WHERE misfit ORDER BY ordinal`);
  return { rejects: true };
}
