import type { Destination, Target, Writer } from '../connectors/connector';
import type { Control } from '../domain/control';
import { ConfigurationError } from '../domain/errors';
import { runPath } from '../domain/ids';
import type { ChangeStateInput } from './seeing-contract';
import { writerText } from './strangers';

/** `state adopt`: the other stream is claimed first, so that what it left unpublished is settled and nobody writes under its name any more. */
export async function takePlace(destination: Destination, target: Target, { run, spec, stream, from }: ChangeStateInput, control: Control): Promise<void> {
  const others = (await destination.writers?.(target)) ?? [];
  const refused = (why: string): ConfigurationError => new ConfigurationError(`adopting "${target.stream.to}" for "${stream}": ${why}; ${others.length === 0 ? 'no other stream has loaded into it' : `it holds rows of ${others.map(writerText).join(', ')}`}`);
  if (!from) {
    if (target.stream.write !== 'append') throw refused(`"write: ${target.stream.write}" does not add rows beside others; give it another table, or take their place with --from`);
    return;
  }
  if (!destination.adopt) throw refused('this destination cannot give one stream the place of another; load it again with "mode: full" instead');
  const old: Target = { run: { ...run, pipeline: from.pipeline }, stream: { ...target.stream, stream: from.stream } };
  const own = await destination.checkpoint!(target);
  // A second attempt of the same change finds its own work.
  if (own?.holder === runPath(old.run)) return;
  refuseUnfit(from, others, own?.version ?? 0, spec, refused);
  if (((await destination.checkpoint!(old))?.version ?? 0) === 0) throw refused(`${writerText(from)} has no place to give: another stream has taken it already`);
  await destination.adopt(target, old, await destination.claim(old, control), control);
}

function refuseUnfit(from: Writer, others: readonly Writer[], version: number, spec: ChangeStateInput['spec'], refused: (why: string) => Error): void {
  if (!others.some((one) => one.pipeline === from.pipeline && one.stream === from.stream)) throw refused(`${writerText(from)} has not loaded into it`);
  if (version > 0) throw refused('it has loaded into it itself, and keeps its own place');
  if (from.pipeline === spec.pipeline && spec.streams.some((one) => one.stream === from.stream)) throw refused(`stream "${from.stream}" is still in this pipeline; take it out of the file first`);
}
