import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../domain/errors';
import { slug } from '../domain/ids';
import type { JsonObject } from '../domain/json';
import { referencedStreams, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { connectionsFileOf, openConnections, type Connections } from './connections';
import { shareOf } from './duration';
import { pipelineWordsToCome } from './not-available';
import { parseRetention } from './parse-retention';
import { parseSchedule } from './parse-schedule';
import { parseDefaults, parseStream } from './parse-stream';
import { limitsSchema, pipelineSchema, type RawLimits } from './pipeline-schema';
import { inOrder, PipelineProblemsError, unknownWord, type Problem } from './problems';
import { isDatabase } from './stream-rules';
import { cycleOf } from './stream-order';
import type { ConnectorWord } from './vocabulary';
import { readYaml, type YamlFile } from './yaml-file';
import { problemsOf } from './zod-problems';

/** Reads a pipeline and the connections it names. Throws PipelineProblemsError with everything that is wrong. */
export async function loadPipeline(file: string): Promise<PipelineSpec> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigurationError(`reading pipeline "${file}": ${error.code === 'ENOENT' ? 'there is no such file; "millrace init" writes a first one' : error.code === 'EISDIR' ? 'it is a folder; name a file in it' : error.message}`, { file });
  });
  const connections = connectionsFileOf(file);
  return parsePipeline(text, file, existsSync(connections) ? openConnections(connections) : missing(connections));
}

/** Without connections, nothing is said about what depends on the systems at both ends. */
export function parsePipeline(text: string, file: string, connections?: Connections | MissingConnections): PipelineSpec {
  const yaml = readYaml(text);
  if (yaml.syntaxProblems.length > 0) throw new PipelineProblemsError(file, inOrder(yaml.syntaxProblems));
  const raw = isMap(yaml.content) ? yaml.content : {};
  const problems: Problem[] = topProblems(yaml);

  const source = endOf('source', raw['source'], connections, yaml, problems);
  const destination = endOf('destination', raw['destination'], connections, yaml, problems);
  const limits = limitsOf(raw['limits'], yaml, problems);
  const schedule = raw['schedule'] === undefined ? null : parseSchedule(raw['schedule'], yaml);
  problems.push(...schedule?.problems ?? []);
  const { retention, staging, problems: bounds } = parseRetention(raw, yaml);
  problems.push(...bounds);
  const defaults = parseDefaults(raw['defaults'], yaml);
  problems.push(...defaults.problems);
  const entries = Array.isArray(raw['streams']) ? (raw['streams'] as readonly unknown[]) : [];
  const parsed = entries.map((entry, index) => parseStream(entry, index, { file: yaml, defaults, source, destination, limited: limits.rejects !== null }));
  const streams = parsed.map(({ spec }) => spec);
  problems.push(...parsed.flatMap((stream) => stream.problems), ...betweenStreams(streams, yaml, destination), ...(raw['source'] === raw['destination'] && isDatabase(destination) ? intoThemselves(streams, yaml) : []), ...outsideProblems(streams, yaml, connections));

  if (problems.length > 0) throw new PipelineProblemsError(file, inOrder(problems));
  return {
    pipeline: String(raw['pipeline']),
    ...(typeof raw['description'] === 'string' ? { description: raw['description'] } : {}),
    source: String(raw['source']), destination: String(raw['destination']),
    streams, limits,
    ...(schedule?.schedule ? { schedule: schedule.schedule } : {}),
    ...(retention ? { retention } : {}),
    ...(staging === null ? {} : { staging }),
    onFailure: raw['on_failure'] === 'fail' ? 'fail' : 'hold',
    hash: createHash('sha256').update(text).digest('hex'),
  };
}

interface MissingConnections {
  readonly missing: string;
}
const missing = (file: string): MissingConnections => ({ missing: file });

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function topProblems(file: YamlFile): Problem[] {
  if (!isMap(file.content)) return [file.problem([], 'a pipeline is a map that starts with "pipeline: name"')];
  const parsed = pipelineSchema.safeParse(file.content);
  return parsed.success ? [] : [...problemsOf(parsed.error.issues, { file, at: [], input: file.content, schema: pipelineSchema, toCome: pipelineWordsToCome })];
}

/** The connector at one end; null where it is not known, which has then been told. */
function endOf(end: 'source' | 'destination', name: unknown, connections: Connections | MissingConnections | undefined, file: YamlFile, problems: Problem[]): ConnectorWord | null {
  if (!connections || typeof name !== 'string') return null;
  if ('missing' in connections) {
    problems.push(file.problem([end], `connection "${name}" is looked for in "${connections.missing}", which does not exist; create it, or name another file with MILLRACE_CONNECTIONS`, 'value'));
    return null;
  }
  if (!connections.names.includes(name)) {
    problems.push(file.problem([end], `${unknownWord('connection', name, connections.names)} (in "${connections.file}")`, 'value'));
    return null;
  }
  problems.push(...connections.problems(name));
  const connector = connections.connectorOf(name);
  const opens = end === 'source' ? connector?.openSource : connector?.openDestination;
  if (connector && !opens) problems.push(file.problem([end], `connection "${name}" is ${connector.name}, which cannot be a ${end}`, 'value'));
  return connector;
}

function limitsOf(raw: unknown, file: YamlFile, problems: Problem[]): PipelineSpec['limits'] {
  const parsed = limitsSchema.safeParse(raw ?? {});
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues, { file, at: ['limits'], input: raw, schema: limitsSchema }));
  const limits: RawLimits = parsed.success ? parsed.data : {};
  return { rejects: limits.rejects === undefined ? null : shareOf(limits.rejects), concurrency: limits.concurrency ?? 4 };
}

/** Names that would meet in one path or table, references to what is not there, and circles. */
function betweenStreams(streams: readonly StreamSpec[], file: YamlFile, destination: ConnectorWord | null): readonly Problem[] {
  const names = streams.map(({ stream }) => stream);
  const problems = streams.flatMap(({ stream, to }, index): readonly Problem[] => {
    const same = streams.findIndex((other) => slug(other.stream) === slug(stream));
    const target = streams.findIndex((other) => other.to === to);
    return [
      ...(stream !== '' && same < index ? [file.problem(['streams', index, 'stream'], `stream "${stream}" ${names[same] === stream ? 'is there twice' : `and "${names[same]}" would be one folder`}; give one of them another name with "query"`, 'value')] : []),
      ...(to !== '' && target < index ? [file.problem(['streams', index, 'to'], `"${to}" is also the target of stream "${names[target]}"; a table belongs to one stream`, 'value')] : []),
    ];
  });
  const references = streams.flatMap((stream, index) => referencedStreams(stream)
    .filter((name) => !names.includes(name))
    .map((name) => file.problem(['streams', index, 'steps'], unknownWord('stream', name, names))));
  const parts = streams.flatMap((stream, index) => referencedStreams(stream)
    .filter((name) => destination !== null && !(isDatabase(destination) && destination.openSource) && streams.some((other) => other.stream === name && other.mode === 'incremental'))
    .map((name) => file.problem(['streams', index, 'steps'], `stream "${name}" is taken whole here, but read with "mode: incremental", which gives only what is new; its target cannot be read back from "${destination!.name}": set "mode: full" for it`)));
  const cycle = references.length === 0 ? cycleOf(streams) : null;
  return [...problems, ...references, ...parts, ...(cycle ? [file.problem(['streams'], `streams wait for each other: ${cycle.join(' → ')}; take one reference out`)] : [])];
}

/** Between tables of one connection: rows would be loaded into what they are read from. */
const intoThemselves = (streams: readonly StreamSpec[], file: YamlFile): readonly Problem[] => streams.flatMap(({ stream, to, query }, index) =>
  (stream !== '' && stream === to && query === undefined ? [file.problem(['streams', index, file.has(['streams', index, 'to']) ? 'to' : 'stream'], `stream "${stream}" would be loaded into the table that it is read from; name another with "to"`, 'value')] : []));

/** Connections that steps and checks name must be there and be readable. */
function outsideProblems(streams: readonly StreamSpec[], file: YamlFile, connections: Connections | MissingConnections | undefined): readonly Problem[] {
  if (!connections || 'missing' in connections) return [];
  return streams.flatMap((stream, index) => namedConnections(stream).flatMap(({ word, at, name, asks }): readonly Problem[] => {
    const place = ['streams', index, word, at];
    if (!connections.names.includes(name)) return [file.problem(place, `${unknownWord('connection', name, connections.names)} (in "${connections.file}")`)];
    const connector = connections.connectorOf(name);
    if (connector && asks && !connector.openLookup) return [file.problem(place, `connection "${name}" is ${connector.name}, of which no single answers can be asked; http_lookup needs one of connector rest`)];
    return connector && !asks && !connector.openSource ? [file.problem(place, `connection "${name}" is ${connector.name}, which cannot be read`)] : [];
  }));
}

const namedConnections = ({ steps, checks }: StreamSpec): readonly { readonly word: 'steps' | 'checks'; readonly at: number; readonly name: string; readonly asks: boolean }[] => [
  ...steps.map(({ name: step, options }, at) => ({ word: 'steps' as const, at, name: options['connection'], asks: step === 'http_lookup' })),
  ...checks.map(({ options }, at) => ({ word: 'checks' as const, at, name: (options['to'] as JsonObject | undefined)?.['connection'], asks: false })),
].flatMap(({ name, ...place }) => (typeof name === 'string' ? [{ ...place, name }] : []));
