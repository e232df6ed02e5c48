import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { StreamSpec } from '../domain/pipeline';
import { inOrder, PipelineProblemsError, unknownWord, type Problem } from './problems';
import { readYaml, type YamlFile } from './yaml-file';
import { problemsOf } from './zod-problems';

const row = z.record(z.string(), z.unknown());
export const testSchema = z.strictObject({
  name: z.string().min(1).describe('What it shows, as a sentence'),
  stream: z.string().optional().describe('Stream of the pipeline; may be left out where there is one'),
  given: z.array(row).min(1).describe('Rows as the source gives them, by its own column names; a column that is left out is NULL'),
  types: z.record(z.string(), z.string()).optional().describe('Column → type, where the values do not tell it'),
  references: z.record(z.string(), z.array(row)).optional().describe('Stream or table → its rows, for steps that read them'),
  expected: z.array(row).describe('Rows after all steps, in any order; columns that none of them names are not compared'),
  rejected: z.array(z.strictObject({
    step: z.string().optional().describe('Step or check that rejects it, as the balance names it: "1 cast", or "cast"'),
    column: z.string().optional().describe('Column that the reason names'),
    reason: z.string().optional().describe('Text that the reason contains'),
    record: row.optional().describe('Values of the record that was rejected'),
  })).optional().describe('Rows that are rejected, each once; left out: none'),
});
export const testsShape = z.array(testSchema).min(1);
const testsSchema = z.strictObject({ tests: testsShape });

/** One example, rows as JSON texts so that none loses a digit. */
export interface PipelineTest {
  readonly name: string;
  readonly stream: string;
  readonly given: readonly string[];
  readonly types: Readonly<Record<string, string>>;
  readonly references: Readonly<Record<string, readonly string[]>>;
  readonly expected: readonly string[];
  readonly rejected: readonly ExpectedReject[];
  /** `pipelines/movies.yaml:40` */
  readonly at: string;
}
export interface ExpectedReject {
  readonly step?: string;
  readonly column?: string;
  readonly reason?: string;
  /** JSON object. */
  readonly record?: string;
}

/** `movies.yaml` → `movies.tests.yaml`, for tests that stand beside their pipeline. */
export const testsFileOf = (file: string): string => file.replace(/(\.ya?ml)?$/, '.tests.yaml');

/** Tests in a pipeline's file, then those of the file beside it. */
export async function loadTests(file: string, streams: readonly StreamSpec[]): Promise<readonly PipelineTest[]> {
  const beside = testsFileOf(file);
  return [
    ...parseTests(await readFile(file, 'utf8'), file, streams, (content) => ({ tests: content['tests'] })),
    ...(existsSync(beside) ? parseTests(await readFile(beside, 'utf8'), beside, streams, (content) => content) : []),
  ];
}

export function parseTests(text: string, file: string, streams: readonly StreamSpec[], part: (content: Record<string, unknown>) => unknown = (content) => content): readonly PipelineTest[] {
  const yaml = readYaml(text);
  if (yaml.syntaxProblems.length > 0) throw new PipelineProblemsError(file, inOrder(yaml.syntaxProblems));
  const input = part(typeof yaml.content === 'object' && yaml.content !== null ? (yaml.content as Record<string, unknown>) : {});
  if (!yaml.has(['tests']) && typeof input === 'object' && input !== null && 'tests' in input && input.tests === undefined) return [];
  const parsed = testsSchema.safeParse(input);
  if (!parsed.success) throw new PipelineProblemsError(file, inOrder(problemsOf(parsed.error.issues, { file: yaml, at: [], input, schema: testsSchema })));
  const problems: Problem[] = [];
  const tests = parsed.data.tests.map((test, index) => testOf(test, index, yaml, file, streams, problems));
  if (problems.length > 0) throw new PipelineProblemsError(file, inOrder(problems));
  return tests;
}

function testOf(test: z.output<typeof testSchema>, index: number, yaml: YamlFile, file: string, streams: readonly StreamSpec[], problems: Problem[]): PipelineTest {
  const names = streams.map(({ stream }) => stream);
  const at = ['tests', index];
  if (test.stream === undefined && names.length > 1) problems.push(yaml.problem([...at, 'stream'], `the pipeline has several streams; say which one: ${names.join(', ')}`));
  if (test.stream !== undefined && !names.includes(test.stream)) problems.push(yaml.problem([...at, 'stream'], unknownWord('stream', test.stream, names), 'value'));
  const rows = (...path: (string | number)[]) => (list: readonly unknown[]) => list.map((_row, place) => yaml.json([...at, ...path, place]));
  return {
    name: test.name, stream: test.stream ?? names[0] ?? '', types: test.types ?? {}, at: `${file}:${yaml.problem(at, '').line}`,
    given: rows('given')(test.given), expected: rows('expected')(test.expected),
    references: Object.fromEntries(Object.entries(test.references ?? {}).map(([name, list]) => [name, rows('references', name)(list)])),
    rejected: (test.rejected ?? []).map(({ step, column, reason, record }, place) => ({
      ...(step !== undefined && { step }), ...(column !== undefined && { column }), ...(reason !== undefined && { reason }), ...(record && { record: yaml.json([...at, 'rejected', place, 'record']) }),
    })),
  };
}
