import type { Column } from '../../domain/column';
import type { Misfit } from '../../domain/plan';
import { quoteIdentifier as quoteDuck } from '../../transforms/quote';
import type { Redshift } from './client';
import { describeColumns, type TableColumn } from './columns';
import type { Names } from './names';
import { copyFormOf, redshiftTypeOf } from './types';

export interface ColumnMisfit {
  readonly column: string;
  /** Condition over the staged column, as DuckDB has it. */
  readonly when: string;
  /** `longer than 5 bytes`: follows "is" and "that are". */
  readonly what: string;
}

/** What a column of the table cannot hold of a staged one. Never altered: the row is set aside, or its batch is held. */
export function misfitsOfColumn(column: Column, there: TableColumn): readonly ColumnMisfit[] {
  const quoted = quoteDuck(column.name);
  const absent = there.required ? [{ when: `${quoted} IS NULL`, what: 'NULL, which the table does not take' }] : [];
  return [...absent, ...copyFormOf(column, quoted, there.type).misfits].map((misfit) => ({ column: column.name, ...misfit }));
}

/** `misfits: quarantine`: conditions that the rows are judged by before they are staged, so that they are set aside with their record of the source. */
export async function misfitsOf(redshift: Redshift, names: Names, columns: readonly Column[]): Promise<readonly Misfit[]> {
  if (redshift.config.misfits === 'hold') return [];
  const there = await describeColumns(redshift, names.schema, names.table);
  return columns.flatMap((column) => {
    const own = redshiftTypeOf(column);
    const found = there.get(column.name.toLowerCase()) ?? (own === null ? undefined : { type: own, required: false, filled: false });
    return found ? misfitsOfColumn(column, found).map(({ column: name, when, what }) => ({ column: name, when, reason: `is ${what}` })) : [];
  });
}
