import { runDestinationChecks } from '../checks/destination-checks';
import type { InspectedTable, PublishRequest } from '../connectors/connector';
import { ApprovalNeededError, CheckBlockedError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import type { StreamSpec } from '../domain/pipeline';
import type { CheckResultLine } from '../domain/receipt';
import type { Artefacts } from './artefacts';

/**
 * Checks with `at: destination`, for `publish` to call within its transaction: what they see is what readers would, and what they
 * refuse is rolled back with all the publish wrote. What refused is noted, for the receipt of a run that did not publish.
 */
export const inspection = (artefacts: Artefacts, run: RunRef, stream: StreamSpec, approved: boolean): NonNullable<PublishRequest['inspect']> =>
  async (table: InspectedTable): Promise<readonly CheckResultLine[]> => {
    const lines = await runDestinationChecks(stream.checks, table);
    const failing = (onFail: string): string => lines.filter((line) => !line.passed && line.onFail === onFail).map(({ check, message }) => `check "${check}": ${message}`).join('; ');
    const blocked = failing('block');
    if (blocked !== '') {
      await artefacts.refused.record(lines, run, stream.stream);
      throw new CheckBlockedError(`checking "${stream.to}" as it would be after the publish: ${blocked}; nothing was published. Mend the data or the rule and run it again`, { stream: stream.stream });
    }
    const waits = failing('approve');
    if (waits !== '' && !approved) throw new ApprovalNeededError(`checking "${stream.to}" as it would be after the publish: ${waits}; look at it, then "millrace approve RUN" publishes it and "millrace reject RUN" does not`, { stream: stream.stream });
    return lines;
  };
