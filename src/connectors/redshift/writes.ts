import { ConfigurationError } from '../../domain/errors';
import type { Step } from './client';
import type { Write } from './write';
import { append } from './write-append';
import { deleteInsert } from './write-delete-insert';
import { merge } from './write-merge';
import { replace } from './write-replace';

/** Statements that move the staged rows of a run into its target, in the publish transaction. */
export function writeSteps(write: Write): readonly Step[] {
  const word = write.request.target.stream.write;
  switch (word) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': throw new ConfigurationError('publishing: "write: scd2" is not available on Redshift yet');
  }
}
