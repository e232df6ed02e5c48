import { referencedStreams, type StreamSpec } from '../domain/pipeline';

/** Streams that wait for each other through `stream: X` references; null: none does. */
export function cycleOf(streams: readonly StreamSpec[]): readonly string[] | null {
  const byName = new Map(streams.map((stream) => [stream.stream, stream]));
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    const stream = byName.get(name);
    if (!stream || done.has(name)) return null;
    for (const other of referencedStreams(stream)) {
      const cycle = visit(other, [...trail, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return null;
  };
  for (const { stream } of streams) {
    const cycle = visit(stream, []);
    if (cycle) return cycle;
  }
  return null;
}
