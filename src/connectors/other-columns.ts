import type { Column } from '../domain/column';
import { SourceHeldError } from '../domain/errors';

/** A plan outlives a change of its table; reading on would mix two shapes of rows. @param now as a plan made now would have them. */
export function refuseOtherColumns(label: string, now: readonly Column[], planned: readonly Column[]): void {
  const types = new Map(now.map(({ name, type }) => [name, type]));
  const columns = planned.filter(({ name, type }) => types.get(name) !== type).map(({ name }) => name);
  if (columns.length === 0) return;
  throw new SourceHeldError(`reading "${label}": column${columns.length > 1 ? 's' : ''} ${columns.map((name) => `"${name}"`).join(', ')} changed since the run was planned; undo the change and "millrace resume RUN", or cancel and run it again`, { table: label, columns });
}
