import type { Destination, Target, Writer } from '../connectors/connector';
import { ConfigurationError } from '../domain/errors';
import type { PipelineSpec } from '../domain/pipeline';

/**
 * A stream that was renamed begins again and would append everything a second time. So the first load of an append into a table with
 * rows of another stream waits for a person's word (semantics 16). Streams of the same pipeline that share a table are no renaming.
 */
export async function refuseStrangers(destination: Destination, target: Target, spec: PipelineSpec, version: number): Promise<void> {
  const { stream } = target;
  if (stream.write !== 'append' || version > 0) return;
  const others = ((await destination.writers?.(target)) ?? []).filter((other) => other.pipeline !== spec.pipeline || !spec.streams.some((one) => one.stream === other.stream));
  const [first] = others;
  if (!first) return;
  const adopt = `millrace state adopt ${spec.pipeline} ${quoted(stream.stream)}`;
  throw new ConfigurationError(`loading into "${stream.to}": it holds rows of ${others.map(writerText).join(', ')}, and "${stream.stream}" has not loaded into it yet; if it is that stream under another name, its rows would be there twice: let it take its place with ${adopt} --from ${quoted(`${first.pipeline}/${first.stream}`)} --why "…"; if it adds other rows: ${adopt} --beside --why "…"`, { target: stream.to });
}

export const writerText = ({ pipeline, stream }: Writer): string => `stream "${stream}" of pipeline "${pipeline}"`;

/** As a shell takes it. */
const quoted = (word: string): string => (/^[\w./:-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`);
