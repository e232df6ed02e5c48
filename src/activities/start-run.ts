import { runPath } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import { canonicalJson } from '../domain/json';
import type { RunDocument } from './artefacts';
import type { StartRunInput, StartRunOutput } from './contract';
import type { Dependencies } from './dependencies';

/** Finds the run's generation: the first `run.json` that is ours, or the first free one (semantics 1). */
export const createStartRun = ({ staging, taskQueue, heartbeatTimeout, worker }: Dependencies) => async (input: StartRunInput): Promise<StartRunOutput> => {
  const { workflowId, executionId, startedAt, logicalDate, connectionsFile, allowDestructive, backfill, gaps, replay } = input;
  const spec = withKeyChecks(input.spec);
  for (let generation = 1; ; generation += 1) {
    const mine: RunDocument = { run: { pipeline: spec.pipeline, workflowId, logicalDate, ...(backfill && { backfill }), ...(replay && { replay: { of: replay.of, number: replay.number } }), ...(spec.staging && { staging: spec.staging }), generation, executionId, startedAt }, spec, connectionsFile, allowDestructive, ...(gaps && { gaps }), ...(replay && { selection: replay.selection }) };
    const there = JSON.parse(await staging.putIfAbsent(`${runPath(mine.run)}/run.json`, canonicalJson(mine))) as RunDocument;
    // A staging that the pipeline names is every worker's (semantics 12), so no worker is missed in particular.
    if (there.run.executionId === executionId) return { run: there.run, queue: spec.staging ? taskQueue : `${taskQueue}.${staging.id}`, heartbeatTimeout, ...(worker && !spec.staging && { worker }) };
  }
};

const byKey = ['merge', 'scd2'];

/** NULL in a key is rejected (semantics 8): the rule runs as a check after the user's own. */
export const withKeyChecks = (spec: PipelineSpec): PipelineSpec => ({
  ...spec,
  streams: spec.streams.map((stream) => {
    const rule = { name: 'not_null', options: { columns: stream.key, on_fail: 'quarantine' } };
    // A pipeline that was pinned by an earlier run has it already.
    return byKey.includes(stream.write) && !stream.checks.some((check) => canonicalJson(check) === canonicalJson(rule)) ? { ...stream, checks: [...stream.checks, rule] } : stream;
  }),
});
