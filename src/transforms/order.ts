import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { quoteIdentifier, quoteList } from './quote';

/** `column`, `column desc`, or several of them. */
const one = z.string().regex(/^\s*\S+(\s+(asc|desc))?\s*$/i, 'write a column name, then asc or desc');
export const orderOption = z.union([one, z.array(one).min(1)]);

/** `"a" DESC NULLS LAST, …` and, last, source order, so that no order is left to chance. */
export function orderSql(order: string | readonly string[] | undefined, checked: (name: string) => string): string {
  const terms = order === undefined ? [] : typeof order === 'string' ? [order] : order;
  const sorted = terms.map((term) => {
    const [name, direction = 'asc'] = term.trim().split(/\s+/);
    return `${quoteIdentifier(checked(name!))} ${direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC'} NULLS LAST`;
  });
  return [...sorted, quoteIdentifier(positionColumn)].join(', ');
}

export const partitionSql = (names: readonly string[]): string => (names.length > 0 ? `PARTITION BY ${quoteList(names)}` : '');
