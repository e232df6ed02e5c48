import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { ScheduleNotFoundError, type Client, type ScheduleDescription, type ScheduleHandle, type ScheduleOptions } from '@temporalio/client';
import { ConfigurationError } from '../../domain/errors';
import { scheduledWorkflowIdOf, scheduleIdOf, type ScheduleSpec } from '../../domain/schedule';
import type { Pause } from '../../domain/instants';
import type { PipelineSpec } from '../../domain/pipeline';
import type { RunPipelineInput } from '../../workflows/messages';

/** What the schedule remembers beside the pipeline: in its action's memo, so each run shows it too. */
export interface AppliedNote {
  /** Absolute path of the pipeline file on the machine it was applied from. */
  readonly file: string;
  readonly by: string;
  readonly at: string;
  /** Since when the times are as they are now: before that, the schedule had others or none. */
  readonly timesSince: string;
  /** The last of them may be open. */
  readonly pauses: readonly Pause[];
}

/** A schedule of the server that Millrace made. */
export interface Applied {
  readonly pipeline: string;
  readonly handle: ScheduleHandle;
  readonly description: ScheduleDescription;
  readonly input: RunPipelineInput;
  readonly schedule: ScheduleSpec;
  readonly note: AppliedNote;
}

export const runType = 'runPipeline';

export interface ScheduleState {
  readonly paused: boolean;
  readonly note?: string;
}
type AppliedOptions = ScheduleOptions & { readonly state: ScheduleState };

/** The pipeline as the server keeps it. `whenHeld` follows the overlap, so that a run started by hand counts as the last run too. */
export function optionsOf(input: RunPipelineInput, taskQueue: string, note: AppliedNote, state: ScheduleState): AppliedOptions {
  const { spec } = input;
  const schedule = spec.schedule!;
  return {
    scheduleId: scheduleIdOf(spec.pipeline),
    spec: schedule.every === undefined
      ? { cronExpressions: [...schedule.cron], timezone: schedule.timezone, jitter: schedule.jitter }
      : { intervals: [{ every: schedule.every, offset: schedule.offset ?? 0 }], jitter: schedule.jitter },
    action: {
      type: 'startWorkflow', workflowType: runType, workflowId: scheduledWorkflowIdOf(spec.pipeline), taskQueue, args: [input], memo: { millrace: note },
      staticSummary: `run ${spec.pipeline}`, ...(spec.description ? { staticDetails: spec.description } : {}),
    },
    policies: { overlap: schedule.overlap.toUpperCase() as 'SKIP' | 'BUFFER_ONE' | 'BUFFER_ALL', catchupWindow: schedule.catchup, pauseOnFailure: false },
    state,
  };
}

export const inputOf = (spec: PipelineSpec, connectionsFile: string, labels: Pick<RunPipelineInput, 'searchAttributes'>): RunPipelineInput =>
  ({ spec, connectionsFile, whenHeld: spec.schedule!.overlap === 'skip' ? 'refuse' : 'queue', allowDestructive: false, ...labels });

/** Null: there is none, or it is not ours. */
export async function findApplied(client: Client, pipeline: string): Promise<Applied | null> {
  const handle = client.schedule.getHandle(scheduleIdOf(pipeline));
  try {
    const description = await handle.describe();
    const [input] = (description.action.args ?? []) as readonly (RunPipelineInput | undefined)[];
    const note = description.action.memo?.['millrace'] as AppliedNote | undefined;
    if (description.action.workflowType !== runType || !input?.spec.schedule || !note) return null;
    return { pipeline, handle, description, input, schedule: input.spec.schedule, note };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

export async function needApplied(client: Client, pipeline: string): Promise<Applied> {
  const found = await findApplied(client, pipeline);
  if (found) return found;
  const known = (await allApplied(client)).map((one) => one.pipeline);
  throw new ConfigurationError(`looking for the schedule of "${pipeline}": there is none; ${known.length > 0 ? `there are: ${known.join(', ')}` : 'make one with "millrace schedule apply FILE"'}`, { pipeline });
}

export async function allApplied(client: Client): Promise<readonly Applied[]> {
  const ids: string[] = [];
  for await (const { scheduleId, action } of client.schedule.list()) {
    if (action?.workflowType === runType) ids.push(scheduleId);
  }
  const found = await Promise.all(ids.sort().map((id) => findApplied(client, id)));
  return found.filter((one) => one !== null);
}

/** Whether the file is no longer what was applied; null: it is not on this machine. */
export async function fileDiffers({ note, input }: Applied): Promise<boolean | null> {
  const text = await readFile(note.file, 'utf8').catch(() => null);
  return text === null ? null : createHash('sha256').update(text).digest('hex') !== input.spec.hash;
}

export const whoAmI = (): string => `${userInfo().username}@${hostname()}`;
