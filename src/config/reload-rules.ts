import type { StreamSpec } from '../domain/pipeline';
import { splitOf } from '../transforms/split-chain';
import type { ConnectorWord } from './vocabulary';

type Written = Pick<StreamSpec, 'write' | 'steps' | 'checks' | 'lineage'>;

/** A reload takes the earlier rows of a file away by the batch that brought them (semantics 4). Why that cannot be done; null: it can. */
export function reloadProblem({ write, steps, checks, lineage }: Written, destination: ConnectorWord | null): string | null {
  // New versions stand beside the old ones: history is not taken away.
  if (write === 'scd2') return null;
  if (splitOf(steps, checks).wholeStream) return 'a step or check that needs the whole stream puts the rows of all files into one batch';
  if (!lineage) return 'without "lineage" no row tells which batch brought it';
  if (destination !== null && destination.holdsTables !== true) return `"${destination.name}" takes whole tables and folders away only`;
  return null;
}

/** A changed file of an append, or of a stream that cannot take its earlier rows away, is for a person. */
export const defaultChangedFile = (spec: Written, destination: ConnectorWord | null): 'reload' | 'fail' =>
  (spec.write === 'append' || reloadProblem(spec, destination) !== null ? 'fail' : 'reload');
