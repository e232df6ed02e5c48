import type { Step } from './client';
import type { Write } from './write';
import { append } from './write-append';
import { deleteInsert } from './write-delete-insert';
import type { Aside } from './set-aside';
import { merge, replaysAside } from './write-merge';
import { replace } from './write-replace';
import { scd2, versionsAside } from './write-scd2';

/** Statements that move the staged rows of a run into its target, in the publish transaction. */
export function writeSteps(write: Write): readonly Step[] {
  const word = write.request.target.stream.write;
  switch (word) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': return scd2(write);
  }
}

/** How rows are found that only the target shows to be wrong; null: this write has none. */
export function asideOf(write: Write): Aside | null {
  if (write.request.target.stream.write === 'scd2') return versionsAside(write);
  return write.request.target.stream.write === 'merge' ? replaysAside(write) : null;
}
