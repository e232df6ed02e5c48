import type { Checkpoint, Destination, Target } from '../connectors/connector';
import { ConfigurationError } from '../domain/errors';
import { runPath } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { Position } from '../domain/position';
import type { StateChange } from '../domain/state-change';
import { appendToChain, lastHash } from '../stores/receipts';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { takePlace } from './take-place';
import { hashOf } from './receipt-chain';
import type { ChangeStateInput, ReadStateInput, StreamState } from './seeing-contract';

/** Checkpoints as they stand; nothing is claimed. */
export const createReadState = ({ openDestination }: Dependencies) => async ({ spec, connectionsFile, run }: ReadStateInput): Promise<readonly StreamState[]> => {
  const destination = await openDestination(connectionsFile, spec.destination);
  try {
    const states: StreamState[] = [];
    for (const stream of spec.streams) states.push(stateOf(stream.stream, stream.to, (await destination.checkpoint?.({ run, stream })) ?? null));
    return states;
  } finally {
    await destination.close();
  }
};

/** Moves one checkpoint under a claim of its own, so that an older run can commit nothing more, and records who did it and why. */
export const createChangeState = (dependencies: Dependencies) => async (input: ChangeStateInput): Promise<StreamState> =>
  withControl(dependencies.reached, async (control) => {
    const { run, spec, stream } = input;
    const streamSpec = spec.streams.find((one) => one.stream === stream);
    if (!streamSpec) throw new ConfigurationError(`changing the state of "${spec.pipeline}": there is no stream "${stream}"; streams: ${spec.streams.map((one) => one.stream).join(', ')}`);
    const destination = await dependencies.openDestination(input.connectionsFile, spec.destination);
    try {
      const target = { run, stream: streamSpec };
      const now = await standing(destination, target);
      const position = input.change === 'adopt' ? null : changed(input, now);
      if (input.change === 'adopt') await takePlace(destination, target, input, control);
      const claim = await destination.claim(target, control);
      // Beside other streams it begins; in the place of one it goes on where that one stopped.
      const after = await destination.setPosition!(target, claim, input.change === 'adopt' ? claim.position : position, control);
      await record(dependencies, input, now, after);
      return stateOf(stream, streamSpec.to, after);
    } finally {
      await destination.close();
    }
  });

async function standing(destination: Destination, target: Target): Promise<Checkpoint | null> {
  if (!destination.checkpoint || !destination.setPosition) throw new ConfigurationError(`changing the state of "${target.stream.stream}": this destination does not let its checkpoint be set; load again with "mode: full" instead`);
  return destination.checkpoint(target);
}

/** Judged before anything is claimed. */
function changed({ change, cursor, gap, stream }: ChangeStateInput, now: Checkpoint | null): Position | null {
  const position = now?.position ?? null;
  if (change === 'drop_gap') return withoutGap(position, gap ?? '', stream);
  const from = position?.cursor ?? null;
  if (change === 'rewind' && now === null) throw new ConfigurationError(`rewinding "${stream}": it has no checkpoint, so it starts at the beginning anyway`);
  if (change === 'rewind' && cursor !== null && from !== null && isLater(cursor, from)) throw new ConfigurationError(`rewinding "${stream}" to "${cursor}": that is after its checkpoint "${from}", and rows between would never be read; if that is meant, use "millrace state set"`);
  return cursor === null ? null : { ...position, cursor };
}

interface WithGaps {
  readonly gaps?: readonly { readonly partition: string; readonly label: string }[];
}

function withoutGap(position: Position | null, gap: string, stream: string): Position {
  const gaps = (position as (Position & WithGaps) | null)?.gaps ?? [];
  const left = gaps.filter(({ partition, label }) => partition !== gap && label !== gap);
  if (left.length === gaps.length) throw new ConfigurationError(`dropping gap "${gap}" of "${stream}": there is no such gap; gaps: ${gaps.map(({ partition, label }) => `${partition} (${label})`).join(', ') || 'none'}`);
  return { ...position!, gaps: left } as Position;
}

/** Integers by value, instants and dates by their text, which sorts as they do. */
const isLater = (left: string, right: string): boolean =>
  (/^-?\d+$/.test(left) && /^-?\d+$/.test(right) ? BigInt(left) > BigInt(right) : left.replace('T', ' ') > right.replace('T', ' '));

async function record({ staging }: Dependencies, { run, stream, change, from, by, why, spec }: ChangeStateInput, before: Checkpoint | null, after: Checkpoint): Promise<void> {
  const facts = {
    kind: 'state' as const, run, stream, change, ...(from && { from }), by, why, before: before?.position?.cursor ?? null, after: after.position?.cursor ?? null,
    version: after.version, at: new Date().toISOString(), previous: await lastHash(staging, spec.pipeline),
  };
  const entry: StateChange = { ...facts, hash: hashOf(facts) };
  const key = `${runPath(run)}/state.json`;
  const recorded = JSON.parse(await staging.putIfAbsent(key, canonicalJson(entry))) as StateChange;
  await appendToChain(staging, spec.pipeline, { hash: recorded.hash, receipt: key });
}

const stateOf = (stream: string, to: string, checkpoint: Checkpoint | null): StreamState => ({
  stream, to,
  checkpoint: checkpoint && {
    cursor: checkpoint.position?.cursor ?? null, version: checkpoint.version, fence: checkpoint.fence, holder: checkpoint.holder, publishedAt: checkpoint.publishedAt, files: checkpoint.files.length,
    gaps: (checkpoint.position as (Position & WithGaps) | null)?.gaps?.map(({ partition, label }) => ({ partition, label })) ?? [],
  },
});
