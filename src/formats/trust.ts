import { quoteIdentifier } from '../transforms/quote';
import type { Session } from '../transforms/duckdb-engine';
import { doubted, type Fit } from './fits';
import { ordinalColumn, type ReadRequest, type ReadResult } from './format';

export interface TrustedRecords {
  /** FROM clause in file order that gives what the others speak of; fails on damage that DuckDB notices by itself. */
  readonly from: string;
  /** SQL of each column's text, and how it becomes its value over that text's own name, `t0` … */
  readonly texts: readonly string[];
  readonly fits: readonly Fit[];
  /** SQL conditions, each true where a record as a whole cannot be read. */
  readonly damaged: readonly string[];
}

/**
 * One pass over a file that is expected to be in order: cheap doubts about every value, the full look only where there is one, and an
 * error at the first misfit. The look stands in a condition, so that it is made of columns too that nobody asks for.
 */
export async function trustRecords(session: Session, { from, texts, fits, damaged }: TrustedRecords, { columns, relation, ordinals }: ReadRequest): Promise<ReadResult> {
  const given = [...texts.map((text, index) => `${text} AS t${index}`), `${damaged.map((sql) => `coalesce(${sql}, false)`).join(' OR ') || 'false'} AS damaged`];
  const values = fits.map(({ value }, index) => `${value} AS v${index}`);
  const doubts = ['damaged', ...fits.map((fit, index) => doubted(fit, `t${index}`, `v${index}`))].join(' OR ');
  const misfits = ['damaged', ...fits.map(({ misfit }) => misfit)].join(' OR ');
  const looked = `CASE WHEN ${doubts} THEN CASE WHEN ${misfits} THEN CAST(error('a record is not as it should be') AS BOOLEAN) ELSE true END ELSE true END`;
  const named = columns.map(({ name }, index) => `v${index} AS ${quoteIdentifier(name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${[...named, ...(ordinals ? [`row_number() OVER () - 1 AS ${quoteIdentifier(ordinalColumn)}`] : [])].join(', ')} ` +
    `FROM (SELECT *, ${values.join(', ')} FROM (SELECT ${given.join(', ')} FROM ${from})) WHERE ${looked}`);
  return { rejects: false };
}
