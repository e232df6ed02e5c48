import { holdsWholePeriods, type BackfillWindow } from '../domain/backfill';
import { ConfigurationError } from '../domain/errors';
import { referencedStreams, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { needsAllRows } from '../transforms/run-chain';
import { groupsAreWhole } from './increments';
import { unknownWord } from './problems';

/** The pipeline with the streams that are asked for; throws where one of them cannot be backfilled, naming each and why (semantics 8 and 14). */
export function forBackfill(spec: PipelineSpec, streams: readonly string[], windows: readonly BackfillWindow[]): PipelineSpec {
  const names = spec.streams.map(({ stream }) => stream);
  const unknown = streams.find((name) => !names.includes(name));
  if (unknown) throw new ConfigurationError(`backfilling "${spec.pipeline}": ${unknownWord('stream', unknown, names)}`, { pipeline: spec.pipeline });
  const chosen = streams.length === 0 ? spec.streams : spec.streams.filter(({ stream }) => streams.includes(stream));
  const problems = chosen.flatMap((stream) => {
    const problem = backfillProblem(stream, windows);
    return problem ? [`stream "${stream.stream}" ${problem}`] : [];
  });
  if (problems.length === 0) return { ...spec, streams: chosen };
  const others = problems.length < chosen.length ? '; choose the others with --stream' : '';
  throw new ConfigurationError(`backfilling "${spec.pipeline}": ${problems.join('; ')}${others}`, { pipeline: spec.pipeline });
}

/** Why a stream cannot be read and written window by window; null: it can. */
export function backfillProblem(stream: StreamSpec, windows: readonly BackfillWindow[]): string | null {
  if (stream.mode === 'full') return 'is read whole each time ("mode: full"): "millrace run" loads it again';
  if (!stream.cursor) return 'has no cursor, so a range of time names none of its rows';
  const [reference] = referencedStreams(stream);
  if (reference !== undefined) return `reads stream "${reference}" in its steps, of which a window would hold only a part`;
  switch (stream.write) {
    case 'append': return 'is written by append, which cannot tell rows that are there from rows that are missing, and would double them; use merge or delete_insert';
    case 'replace': case 'scd2': return `is written by ${stream.write}; a backfill is written by merge or delete_insert`;
    case 'merge': case 'delete_insert': return groupProblem(stream, windows);
  }
}

/** A group that is cut by a window's bound would be overwritten by the part inside. */
function groupProblem(stream: StreamSpec, windows: readonly BackfillWindow[]): string | null {
  const { write, by, lookback } = stream;
  if (write === 'delete_insert' && Array.isArray(by) && !groupsAreWhole(stream, by as readonly string[])) return `replaces rows by ${(by as readonly string[]).join(', ')}, of which a window may hold only a part; use "by: window", or merge`;
  const grouped = (write === 'delete_insert' && Array.isArray(by)) || needsAllRows(stream.steps) !== null;
  if (!grouped || typeof lookback !== 'string') return null;
  const cut = windows.find((window) => !holdsWholePeriods(window, lookback));
  return cut ? `works on whole ${lookback}s, and the window from ${cut.from} to ${cut.to} cuts one; choose bounds at the start of a ${lookback} in UTC` : null;
}
