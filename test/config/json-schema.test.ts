import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { checks } from '../../src/checks/registry';
import { firstProject } from '../../src/cli/first-project';
import { jsonSchemas, schemaLine, schemaText, type JsonSchema } from '../../src/config/json-schema';
import { steps } from '../../src/transforms/registry';

const folder = path.resolve(__dirname, '../../pipelines');
const read = (name: string): unknown => parse(readFileSync(path.join(folder, name), 'utf8'));
const pipelines = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'connections.yaml');

// Strict: ajv refuses words that are no JSON Schema. "format: uri" is for editors; ajv would need a package for it.
const compiled = (name: keyof typeof jsonSchemas): ValidateFunction => new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true, validateFormats: false }).compile(JSON.parse(schemaText(name)) as object);
const pipeline = compiled('pipeline');
const connections = compiled('connections');
const problems = (validate: ValidateFunction, content: unknown): readonly string[] => (validate(content) ? [] : validate.errors!.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`));

it.each(pipelines)('the example %s is valid', (name) => {
  expect(problems(pipeline, read(name))).toEqual([]);
});

it('the connections of the examples are valid', () => {
  expect(problems(connections, read('connections.yaml'))).toEqual([]);
});

it('what init writes is valid, and names its schema where an editor looks for it', () => {
  const project = firstProject();
  expect(problems(pipeline, parse(project['orders.yaml']!))).toEqual([]);
  expect(problems(connections, parse(project['connections.yaml']!))).toEqual([]);
  expect(project['orders.yaml']!.startsWith(schemaLine('pipeline'))).toBe(true);
  expect(JSON.parse(project['pipeline.schema.json']!)).toEqual(jsonSchemas.pipeline());
});

const small = (stream: object, more: object = {}): object => ({ pipeline: 'a', source: 'b', destination: 'c', streams: [{ stream: 'd', ...stream }], ...more });

it.each([
  ...steps.map(({ name, example }) => [`step ${name}`, { steps: [parse(example) as unknown] }] as const),
  ...checks.map(({ name, example }) => [`check ${name}`, { checks: [parse(example) as unknown] }] as const),
])('the example of %s is valid', (_name, stream) => {
  expect(problems(pipeline, small(stream))).toEqual([]);
});

it.each<[string, object]>([
  ['a word of the file', small({}, { strems: [] })],
  ['a word that is missing', { pipeline: 'a', source: 'b', streams: [{ stream: 'd' }] }],
  ['a word of a stream', small({ curser: 'updated_at' })],
  ['a word of defaults', small({}, { defaults: { mod: 'full' } })],
  ['a mode', small({ mode: 'incremetal' })],
  ['a step', small({ steps: [{ trimm: { columns: '*' } }] })],
  ['a step without its options', small({ steps: ['cast'] })],
  ['two steps in one entry', small({ steps: [{ trim: { columns: '*' }, drop: { columns: ['a'] } }] })],
  ['an option of a step', small({ steps: [{ trim: { colums: '*' } }] })],
  ['a check', small({ checks: [{ not_nul: { columns: ['a'] } }] })],
  ['what a check does', small({ checks: [{ not_null: { columns: ['a'], on_fail: 'blok' } }] })],
  ['a format', small({ format: { csvv: {} } })],
  ['an option of a format', small({ format: { csv: { delimeter: ';' } } })],
  ['a format of the target', small({ target: { format: 'parket' } })],
  ['a word of limits', small({}, { limits: { reject: '1%' } })],
  ['a word of schedule', small({}, { schedule: { cron: '0 * * * *', timezon: 'UTC' } })],
  ['a word of quarantine', small({}, { quarantine: { keeep: '1 day' } })],
])('a pipeline is not valid where %s is wrong', (_what, content) => {
  expect(problems(pipeline, small({}))).toEqual([]);
  expect(problems(pipeline, content)).not.toEqual([]);
});

it('a connection is judged by its connector, and may name variables wherever a value stands', () => {
  expect(problems(connections, { a: { connector: 'postgres', host: '${env:HOST}', port: '${env:PORT}', ssl: { mode: '${env:SSL}' } } })).toEqual([]);
  expect(problems(connections, { a: { connector: 'postgres', port: 'many' } })).not.toEqual([]);
  expect(problems(connections, { a: { connector: 'postgres', pasword: '${env:X}' } })).not.toEqual([]);
  expect(problems(connections, { a: { connector: 'postgress' } })).not.toEqual([]);
  expect(problems(connections, { a: { path: 'x' } })).not.toEqual([]);
});

/** A word that an editor would accept anything for: its parser looks elsewhere, and the schema has to as well. */
const shapeless = (shape: JsonSchema): readonly string[] => Object.entries(shape['properties'] as Readonly<Record<string, JsonSchema>>)
  .flatMap(([word, inner]) => [...(['type', 'enum', 'const', 'anyOf', 'allOf', 'oneOf'].some((known) => known in inner) ? [] : [word]), ...(inner['properties'] ? shapeless(inner) : [])]);

it('says of every word what it may be, and what it is for', () => {
  const schema = jsonSchemas.pipeline();
  const { streams } = schema['properties'] as Readonly<Record<string, JsonSchema>>;
  expect([...shapeless(schema), ...shapeless(streams!['items'] as JsonSchema)]).toEqual([]);
  const words = Object.entries({ ...(schema['properties'] as object), ...((streams!['items'] as JsonSchema)['properties'] as object) });
  expect(words.filter(([, shape]) => !(shape as JsonSchema)['description']).map(([word]) => word)).toEqual([]);
});
