import { defaultPayloadConverter } from '@temporalio/common';
import type { Client } from '@temporalio/client';

/** An activity that has been asked for and is not done, as the server knows it. */
export interface Pending {
  readonly activityId: string;
  /** waiting: no worker has taken it up, or it is between two attempts. */
  readonly state: 'running' | 'waiting' | 'stopping' | 'paused';
  /** From 1. */
  readonly attempt: number;
  /** Of the attempt before. */
  readonly failure: { readonly message: string; readonly type: string } | null;
  /** Seconds since it was asked for. */
  readonly since: number;
  /** What it has told with its last heartbeat: two seconds old at most. */
  readonly rows: number;
  readonly bytes: number;
  /** Worker that has it, or had it last, as Temporal knows it: `4711@host`. */
  readonly worker: string;
  /** When it last told anything; milliseconds of the clock. Null: no worker has it. */
  readonly heardAt: number | null;
  /** How long it may be silent; milliseconds. */
  readonly beatTimeout: number;
}

/** From the server alone: it answers where no worker does. */
export async function pendingOf(client: Client, workflowId: string): Promise<readonly Pending[]> {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  return (raw.pendingActivities ?? []).map((activity) => ({
    activityId: activity.activityId ?? '',
    state: stateOf(Number(activity.state ?? 0)),
    attempt: activity.attempt ?? 1,
    failure: activity.lastFailure ? { message: activity.lastFailure.message ?? '', type: activity.lastFailure.applicationFailureInfo?.type ?? '' } : null,
    since: Math.max(0, Date.now() / 1000 - Number(activity.scheduledTime?.seconds ?? Date.now() / 1000)),
    ...beatOf(activity.heartbeatDetails?.payloads?.[0]),
    worker: activity.lastWorkerIdentity ?? '',
    // The heartbeat is of the attempt before as long as this one has told nothing.
    heardAt: latest(milliseconds(activity.lastHeartbeatTime), milliseconds(activity.lastStartedTime)),
    beatTimeout: milliseconds(activity.activityOptions?.heartbeatTimeout) ?? 0,
  }));
}

type Time = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;
const milliseconds = (time: Time): number | null => (time ? Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6 : null);
const latest = (one: number | null, other: number | null): number | null => (one === null || other === null ? one ?? other : Math.max(one, other));

function beatOf(payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0] | undefined): Pick<Pending, 'rows' | 'bytes'> {
  const beat = payload ? defaultPayloadConverter.fromPayload<{ readonly rows?: unknown; readonly bytes?: unknown } | null>(payload) : null;
  return { rows: Number(beat?.rows ?? 0), bytes: Number(beat?.bytes ?? 0) };
}

/** Temporal's PendingActivityState. */
function stateOf(state: number): Pending['state'] {
  switch (state) {
    case 2: return 'running';
    case 3: return 'stopping';
    case 4: case 5: return 'paused';
    default: return 'waiting';
  }
}
