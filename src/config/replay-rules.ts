import { ConfigurationError } from '../domain/errors';
import { referencedStreams, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { distinctKeys } from '../domain/replay';
import { stepNamed } from '../transforms/registry';
import { unknownWord } from './problems';

/** The pipeline with the streams that have rows to replay; throws where one of them cannot be replayed, naming each and why (semantics 11). */
export function forReplay(spec: PipelineSpec, streams: readonly string[]): PipelineSpec {
  const names = spec.streams.map(({ stream }) => stream);
  const unknown = streams.find((name) => !names.includes(name));
  if (unknown) throw new ConfigurationError(`replaying rows of "${spec.pipeline}": ${unknownWord('stream', unknown, names)}`, { pipeline: spec.pipeline });
  const chosen = spec.streams.filter(({ stream }) => streams.includes(stream));
  const problems = chosen.flatMap((stream) => {
    const problem = replayProblem(stream);
    return problem ? [`stream "${stream.stream}" ${problem}`] : [];
  });
  if (problems.length > 0) throw new ConfigurationError(`replaying rows of "${spec.pipeline}": ${problems.join('; ')}`, { pipeline: spec.pipeline });
  return { ...spec, streams: chosen };
}

const again = 'mend the source or the rule and run the pipeline again';

/** Why rows of a stream cannot be replayed to the result that they would have had; null: they can. */
export function replayProblem(stream: StreamSpec): string | null {
  const whole = stream.steps.find(({ name, options }) => name !== 'deduplicate' && stepNamed(name).scope(options) === 'stream');
  if (whole) return `has step "${whole.name}", whose result depends on all rows of the stream, not on those that were set aside; ${again}`;
  const [reference] = referencedStreams(stream);
  if (reference !== undefined) return `reads stream "${reference}" in its steps or checks, which a replay does not read; ${again}`;
  if (stream.write === 'replace' && !stream.lineage) return `is written by replace with "lineage: false", so nothing tells its rows apart later; ${again}`;
  const [distinct] = distinctKeys(stream);
  if (distinct && (stream.write === 'merge' || stream.write === 'scd2')) return `is written by ${stream.write} by ${stream.key.join(', ')} and kept distinct by ${distinct.columns.join(', ')} as well, which a replay cannot ask of the target; ${again}`;
  return null;
}
