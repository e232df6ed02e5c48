import { open } from 'node:fs/promises';
import picomatch from 'picomatch';

/** `drops/*.zip!*.csv`: files, and files in them. */
export function patternsOf(stream: string): readonly [string, string | null] {
  const at = stream.indexOf('!');
  return at < 0 ? [stream, null] : [stream.slice(0, at), stream.slice(at + 1)];
}

/** Whether a file of an archive is read. */
export function wantedIn(stream: string): (name: string) => boolean {
  const [, pattern] = patternsOf(stream);
  if (pattern === null) return () => true;
  const matches = picomatch(pattern, { dot: true, ...(pattern.includes('/') ? {} : { basename: true }) });
  return (name) => matches(name.split('!').slice(1).join('!'));
}

/** Whether a path is one that a pattern names, for places that list all they have. */
export const matcherOf = (pattern: string): ((path: string) => boolean) => picomatch(pattern, { dot: true });

export const touch = async (file: string): Promise<void> => (await open(file, 'a')).close();
