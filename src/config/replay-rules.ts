import { ConfigurationError } from '../domain/errors';
import type { JsonObject } from '../domain/json';
import { referencedStreams, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { distinctKeys, readingAgainProblem } from '../domain/replay';
import { needsAllRows } from '../transforms/run-chain';
import { unknownWord } from './problems';

/** The pipeline with the streams that have rows to replay; throws where one of them cannot be replayed, naming each and why (semantics 11). */
export function forReplay(spec: PipelineSpec, streams: readonly string[]): PipelineSpec {
  const names = spec.streams.map(({ stream }) => stream);
  const unknown = streams.find((name) => !names.includes(name));
  if (unknown) throw new ConfigurationError(`replaying rows of "${spec.pipeline}": ${unknownWord('stream', unknown, names)}`, { pipeline: spec.pipeline });
  const chosen = spec.streams.filter(({ stream }) => streams.includes(stream)).map((stream) => readingTargets(stream, spec));
  const problems = chosen.flatMap((stream) => {
    const problem = replayProblem(stream);
    return problem ? [`stream "${stream.stream}" ${problem}`] : [];
  });
  if (problems.length > 0) throw new ConfigurationError(`replaying rows of "${spec.pipeline}": ${problems.join('; ')}`, { pipeline: spec.pipeline });
  return { ...spec, streams: chosen };
}

const again = 'mend the source or the rule and run the pipeline again';

/** A stream that is read by increments is looked up in its target, as a run does (semantics 5): a replay, which does not run it, names the table. */
function readingTargets(stream: StreamSpec, { streams, destination }: PipelineSpec): StreamSpec {
  const tableOf = (name: unknown): string | undefined => streams.find((other) => other.stream === name && other.mode === 'incremental')?.to;
  const named = (options: JsonObject): JsonObject => {
    const table = tableOf(options['stream']);
    if (table === undefined) return options;
    const { stream: _stream, ...rest } = options;
    return { ...rest, connection: destination, table };
  };
  return {
    ...stream,
    steps: stream.steps.map((step) => ({ ...step, options: named(step.options) })),
    checks: stream.checks.map((check) => (check.name === 'relationships' ? { ...check, options: { ...check.options, to: named(check.options['to'] as JsonObject) } } : check)),
  };
}

/** Why rows of a stream cannot be replayed to the result that they would have had; null: they can. */
export function replayProblem(stream: StreamSpec): string | null {
  const whole = needsAllRows(stream.steps);
  const unread = whole && readingAgainProblem(stream);
  if (unread) return `has step "${whole.name}", whose result depends on all rows of the stream, not on those that were set aside, and it ${unread}; ${again}`;
  const [reference] = referencedStreams(stream);
  if (reference !== undefined) return `reads stream "${reference}" in its steps or checks, which is read whole in each run and not in a replay; ${again}`;
  if (whole) return null;
  if (stream.write === 'replace' && !stream.lineage) return `is written by replace with "lineage: false", so nothing tells its rows apart later; ${again}`;
  const [distinct] = distinctKeys(stream);
  if (distinct && (stream.write === 'merge' || stream.write === 'scd2')) return `is written by ${stream.write} by ${stream.key.join(', ')} and kept distinct by ${distinct.columns.join(', ')} as well, which a replay cannot ask of the target; ${again}`;
  return null;
}
