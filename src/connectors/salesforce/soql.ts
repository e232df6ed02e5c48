import type { Column } from '../../domain/column';
import type { StreamSpec } from '../../domain/pipeline';
import type { Window } from '../../domain/position';

export const stamp = 'SystemModstamp';

export const operationOf = ({ mode }: StreamSpec): 'query' | 'queryAll' => (mode === 'incremental' ? 'queryAll' : 'query');

/** Names come from describe and bounds are instants of ours, so there is nothing to quote. @param what fields, or count(). */
export function soqlOf({ stream }: Pick<StreamSpec, 'stream'>, what: readonly string[], window: Window | null): string {
  const bounds = window === null ? [] : [...(window.lower === null ? [] : [`${stamp} >= ${window.lower}`]), `${stamp} < ${window.upper}`];
  return `SELECT ${what.join(', ')} FROM ${stream}${bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`}`;
}

export const namesIn = (columns: readonly Column[]): readonly string[] => columns.map(({ name }) => name);
