import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigurationError } from '../domain/errors';
import type { Json, JsonObject } from '../domain/json';
import { environmentVariable } from './environment';
import { inOrder, PipelineProblemsError, unknownWord, type Problem } from './problems';
import { holdsReference, referenceProblem, resolveReferences } from './secrets';
import { connectorWords, type ConnectorWord } from './vocabulary';
import { readYaml, type Path, type YamlFile } from './yaml-file';
import { problemsOf, valueAt } from './zod-problems';

export interface ResolvedConnection {
  readonly connector: string;
  /** As written, with secrets put in: it must not leave the worker. */
  readonly config: unknown;
}

/** connections.yaml: name → connector and its options. */
export interface Connections {
  readonly file: string;
  readonly names: readonly string[];
  /** Null: no such connection, or its connector is not known. */
  connectorOf(name: string): ConnectorWord | null;
  /** What is wrong with a connection as far as can be told without its secrets. */
  problems(name: string): readonly Problem[];
  /** Passwords that stand in the file itself. */
  warnings(name: string): readonly Problem[];
  /** On the worker only, at each activity: a changed secret needs no new run. */
  resolve(name: string): Promise<ResolvedConnection>;
}

/** `connections.yaml` beside the pipeline, unless MILLRACE_CONNECTIONS names another one. Absolute. */
export const connectionsFileOf = (pipelineFile: string): string =>
  path.resolve(environmentVariable('MILLRACE_CONNECTIONS') || path.join(path.dirname(pipelineFile), 'connections.yaml'));

export function openConnections(file: string): Connections {
  if (!existsSync(file)) throw new ConfigurationError(`reading connections: there is no file "${file}"; create it, or name another one with MILLRACE_CONNECTIONS`, { file });
  return parseConnections(readFileSync(file, 'utf8'), file);
}

export function parseConnections(text: string, file: string): Connections {
  const yaml = readYaml(text);
  if (yaml.syntaxProblems.length > 0) throw new PipelineProblemsError(file, yaml.syntaxProblems);
  if (yaml.content !== null && !isMap(yaml.content)) throw new PipelineProblemsError(file, [yaml.problem([], 'a connections file is a map: name: { connector: …, … }')]);
  const entries: JsonObject = isMap(yaml.content) ? yaml.content : {};
  const names = Object.keys(entries);
  const problems = (name: string): readonly Problem[] => inOrder(entryProblems(yaml, name, entries[name]).map((problem) => ({ ...problem, file })));
  return {
    file, names, problems,
    connectorOf: (name) => wordOf(entries[name]),
    warnings: (name) => literalSecrets(yaml, entries[name] ?? null, [name]).map((problem) => ({ ...problem, file })),
    async resolve(name) {
      const entry = entries[name];
      if (entry === undefined) throw new ConfigurationError(`opening a connection: ${unknownWord('connection', name, names)} (in "${file}")`);
      const found = problems(name);
      const connector = wordOf(entry);
      if (found.length > 0 || !connector) throw new PipelineProblemsError(file, found);
      const config = await resolveReferences(optionsOf(entry), path.dirname(file), name);
      return { connector: connector.name, config: accepted(connector, config, name) };
    },
  };
}

const isMap = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const wordOf = (entry: Json | undefined): ConnectorWord | null =>
  (isMap(entry) ? connectorWords.find(({ name }) => name === entry['connector']) : undefined) ?? null;

function optionsOf(entry: Json): JsonObject {
  if (!isMap(entry)) return {};
  const { connector: _connector, ...options } = entry;
  return options;
}

function entryProblems(file: YamlFile, name: string, entry: Json | undefined): readonly Problem[] {
  if (!isMap(entry)) return [file.problem([name], `connection "${name}" must be a map: { connector: …, … }`)];
  const connector = entry['connector'];
  if (connector === undefined) return [file.problem([name], `connection "${name}": "connector" is missing; known connectors: ${connectorWords.map((word) => word.name).join(', ')}`)];
  const word = wordOf(entry);
  if (!word) return [file.problem([name, 'connector'], unknownWord('connector', String(connector), connectorWords.map((known) => known.name)), 'value')];
  return [...shapeProblems(file, name, word, optionsOf(entry)), ...textProblems(file, optionsOf(entry), [name])];
}

/** A value that is still a reference cannot be judged here; the worker does it once it is resolved. */
function shapeProblems(file: YamlFile, name: string, word: ConnectorWord, options: JsonObject): readonly Problem[] {
  const parsed = word.configSchema.safeParse(options);
  if (parsed.success) return [];
  const judged = parsed.error.issues.filter((issue) => !holdsReference(valueAt(options, issue.path as Path)));
  return problemsOf(judged, { file, at: [name], input: options, schema: word.configSchema, confidential: true })
    .map((problem) => ({ ...problem, message: `connection "${name}": ${problem.message}` }));
}

const textProblems = (file: YamlFile, value: Json, at: Path): readonly Problem[] =>
  leaves(value, at).flatMap(({ text, path: place }) => {
    const message = referenceProblem(text);
    return message ? [file.problem(place, message, 'value')] : [];
  });

const secretName = /pass(word|phrase)?$|secret|token$|authorization$|(access|private|api)[-_]?key$/i;
/** What a header is to hold by which an API lets in. */
const isKeyHeader = (place: Path): boolean => place.at(-1) === 'value' && place.at(-2) === 'auth';
const passwordInUrl = /^[a-z][a-z0-9+.-]*:\/\/[^/@:]*:([^@]+)@/i;

function literalSecrets(file: YamlFile, value: Json, at: Path): readonly Problem[] {
  return leaves(value, at).flatMap(({ text, path: place }) => {
    const inUrl = passwordInUrl.exec(text)?.[1];
    const literal = inUrl === undefined ? (secretName.test(String(place.at(-1))) || isKeyHeader(place)) && !holdsReference(text) : !holdsReference(inUrl);
    return literal ? [file.problem(place, `connection "${at[0]}": a password stands in the file; write \${env:NAME} or \${file:PATH} instead`, 'value')] : [];
  });
}

function leaves(value: Json, at: Path): readonly { readonly text: string; readonly path: Path }[] {
  if (typeof value === 'string') return [{ text: value, path: at }];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner as Json, [...at, Array.isArray(value) ? Number(key) : key]));
}

/** Judged again with secrets put in; the message names words, never values. */
function accepted(connector: ConnectorWord, config: Json, name: string): Json {
  const parsed = connector.configSchema.safeParse(config);
  if (parsed.success) return config;
  const words = parsed.error.issues.map(({ path: place }) => `"${place.join('.') || connector.name}"`);
  throw new ConfigurationError(`opening connection "${name}": ${[...new Set(words)].join(', ')} is not right once its references are resolved; correct the variable or file it names`, { connection: name });
}
