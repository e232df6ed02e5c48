import { forBackfill } from '../../config/backfill-rules';
import type { Environment } from '../../config/environment';
import { windowsBetween } from '../../domain/backfill';
import { ConfigurationError } from '../../domain/errors';
import { startBackfill } from '../backfill';
import type { ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { withSchedule } from './control';
import { matchingTimes } from './runs';

interface Flags {
  readonly stream?: readonly string[];
  readonly detach?: boolean;
}

/** `schedule backfill`: the windows between the schedule's own instants again, with the pipeline as applied. */
export const backfillSchedule = (pipeline: string, range: { readonly from: Date; readonly to: Date }, flags: Flags, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async ({ input, note }, server) => {
  const instants = await matchingTimes(server.client, pipeline, range.from, range.to);
  if (instants.length < 2) throw new ConfigurationError(`backfilling "${pipeline}": ${instants.length === 1 ? `only one instant, ${instants[0]}, lies` : 'no instant of its schedule lies'} in that range, and a window lies between two; name a longer one, or use "millrace backfill"`, { pipeline });
  const windows = windowsBetween(instants);
  return startBackfill({ spec: forBackfill(input.spec, flags.stream ?? [], windows), windows, connectionsFile: input.connectionsFile }, { file: note.file, detach: flags.detach === true, environment, terminal, server });
});
