import { closest, distance } from 'fastest-levenshtein';
import { ConfigurationError } from '../domain/errors';

/** One mistake in a file, where it stands. Lines and columns count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  /** `streams[0].steps[2].trim`; empty for the file itself. */
  readonly path: string;
  readonly message: string;
  /** Where it is not in the file that was asked for: connections.yaml. */
  readonly file?: string;
}

/** Everything that is wrong with a file, at once. */
export class PipelineProblemsError extends ConfigurationError {
  constructor(readonly file: string, readonly problems: readonly Problem[]) {
    super(`reading "${file}": ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}\n${problems.map((problem) => `  ${textOf(file, problem)}`).join('\n')}`, { file });
  }
}

/** The form that editors and terminals turn into a link. */
export const textOf = (file: string, { line, column, message, file: other }: Problem): string => `${other ?? file}:${line}:${column}: ${message}`;

/** In the order of the file, each once. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const sorted = [...problems].sort((left, right) => (left.file ?? '').localeCompare(right.file ?? '') || left.line - right.line || left.column - right.column);
  return sorted.filter((problem, index) => sorted.findIndex((other) => textOf('', other) === textOf('', problem)) === index);
}

/** The known word that was probably meant; null: none is near. */
export function meant(word: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const near = closest(word.toLowerCase(), known);
  // Nearer than half of the word, so that "xyz" does not become "add".
  return distance(word.toLowerCase(), near.toLowerCase()) <= Math.max(1, Math.floor(word.length / 2.5)) ? near : null;
}

/** `; did you mean "incremental"?`, or nothing where no known word is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = meant(word, known);
  return near === null ? '' : `; did you mean "${near}"?`;
}

/** `unknown step "trm"; did you mean "trim"? known steps: …` */
export function unknownWord(kind: string, word: string, known: readonly string[]): string {
  const hint = suggestion(word, known);
  return hint ? `unknown ${kind} "${word}"${hint}` : `unknown ${kind} "${word}"; known: ${known.join(', ')}`;
}
