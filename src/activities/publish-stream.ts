import { CheckBlockedError } from '../domain/errors';
import { streamPath, type RunRef } from '../domain/ids';
import { isAtDestination, type PipelineSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import type { PublishQuarantine } from '../connectors/connector';
import type { StagingStore } from '../stores/staging';
import { openArtefacts, type Artefacts } from './artefacts';
import type { PublishStreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { inspection } from './inspect-target';
import { findKeysAside } from './keys-aside';
import { batchesOf } from './references';

/** Batches become visible and the checkpoint moves, in one commit of the destination. */
export const createPublishStream = (dependencies: Dependencies) => async ({ run, stream, approval }: PublishStreamInput): Promise<{ readonly rows: number }> => {
  const { staging } = dependencies;
  const artefacts = openArtefacts(staging);
  const earlier = await artefacts.published.find(run, stream);
  if (earlier) return { rows: earlier.rows };

  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const report = await artefacts.report.find(run, stream);
  const batchIds = (await batchesOf(artefacts, run, stream, plan)).map(({ id }) => id);
  return withControl(dependencies.reached, async (control) => {
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      control.reached('publish:before-claim-check');
      const prefix = `quarantine/${streamPath(run, stream)}/publish`;
      const quarantine = openQuarantine(staging, prefix, plan.replay && !plan.replay.readsSource ? { limits: { ...spec.limits, rejects: null } } : spec, report?.totals ?? { read: 0, rejected: 0 });
      const keysAside = await findKeysAside(dependencies, artefacts, control, run, streamSpec, plan);
      const receipt = await destination.publish({ target: { run, stream: streamSpec }, plan: await withGaps(artefacts, run, stream, plan), batchIds, quarantine, keysAside, ...(streamSpec.checks.some(isAtDestination) && { inspect: inspection(artefacts, run, streamSpec, approval !== undefined) }) }, control);
      // What attempts wrote that did not commit; the receipt is final, so no other file of this publish will count.
      if (plan.replay || streamSpec.write === 'scd2' || streamSpec.write === 'merge') await staging.sweep(prefix, new Set(receipt.quarantine?.map(({ key }) => key)));
      return { rows: (await artefacts.published.record(receipt, run, stream)).rows };
    } finally {
      await destination.close();
    }
  });
};

/** Rows that the target refuses count as rejected: with those of the steps they stay below `limits.rejects`, or nothing is published. */
function openQuarantine(staging: StagingStore, prefix: string, { limits }: Pick<PipelineSpec, 'limits'>, { read, rejected }: { readonly read: number; readonly rejected: number }): PublishQuarantine {
  return {
    create: () => staging.create(prefix, 'parquet'),
    async seal(key, rows) {
      const all = rejected + rows;
      if (limits.rejects !== null && all > limits.rejects * read) throw new CheckBlockedError(`publishing: ${all} of ${read} rows were rejected, ${rows} of them by what the target holds, limits.rejects allows ${limits.rejects * 100} %; nothing was published. Mend the data or the limit and run it again`, { rows });
      return { ...(await staging.seal(key)), rows };
    },
  };
}

/** What was skipped goes into the checkpoint in the same commit, beside what earlier runs have skipped. */
async function withGaps(artefacts: Artefacts, run: RunRef, stream: string, plan: Plan): Promise<Plan> {
  const { skipped } = await artefacts.amendments(run, stream);
  if (skipped.length === 0) return plan;
  const gaps = await Promise.all(skipped.map((ordinal) => artefacts.gap.read(run, stream, ordinal)));
  return { ...plan, position: { ...plan.position, gaps: [...(plan.position.gaps ?? []), ...gaps] } };
}
