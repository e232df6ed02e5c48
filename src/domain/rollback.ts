import type { StreamSpec } from './pipeline';

/** Whether published rows of a run can be taken back (semantics 8); else the reason. What is unpublished always can. */
export function canRollback({ write, keepPrevious, lineage }: Pick<StreamSpec, 'write' | 'keepPrevious' | 'lineage'>): { readonly can: boolean; readonly why: string } {
  if (write === 'append') {
    return lineage ? { can: true, why: 'the rows of a run go by their batch id' } : { can: false, why: 'with "lineage: false" nothing tells the rows of a run apart' };
  }
  if (write === 'replace') {
    return keepPrevious ? { can: true, why: 'the table before it is kept' } : { can: false, why: 'the rows that were there are gone; "keep_previous: 1" keeps them' };
  }
  return { can: false, why: `${write} changes rows of earlier runs in place, and their old values are gone` };
}
