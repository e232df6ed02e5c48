import { z } from 'zod';
import { retentionSchemas } from './parse-retention';
import { scheduleSchema } from './parse-schedule';
import { defaultsSchema, limitsSchema, pipelineSchema, streamSchema } from './pipeline-schema';
import { testsShape } from './pipeline-tests';
import { checkWords, connectorWords, formatWords, stepWords, type Word } from './vocabulary';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** For editors: they complete words, say what each is for, and mark what is misspelt. What depends on several words at once is told by `check`. */
export const jsonSchemas = { pipeline: pipelineJsonSchema, connections: connectionsJsonSchema } as const;
export type SchemaName = keyof typeof jsonSchemas;

/** Beside the files that they are for. */
export const schemaFile = (name: SchemaName): string => `${name}.schema.json`;

/** The first line of a file, by which the YAML support of editors finds its schema. */
export const schemaLine = (name: SchemaName): string => `# yaml-language-server: $schema=${schemaFile(name)}\n`;

export const schemaText = (name: SchemaName): string => `${JSON.stringify(jsonSchemas[name](), null, 1)}\n`;

// Draft 7 is what editors know best.
const dialect = 'http://json-schema.org/draft-07/schema#';

/** What may be written for a schema, before defaults are put in. Throws where zod cannot tell it. */
function shapeOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...shape } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return mapped(shape, nullBesides);
}

function pipelineJsonSchema(): JsonSchema {
  const { properties, ...rest } = shapeOf(pipelineSchema);
  const inner: Readonly<Record<string, JsonSchema>> = {
    defaults: withWords(shapeOf(defaultsSchema)),
    streams: { type: 'array', minItems: 1, items: withWords(shapeOf(streamSchema)) },
    limits: shapeOf(limitsSchema),
    schedule: shapeOf(scheduleSchema),
    keep: shapeOf(retentionSchemas.keep),
    quarantine: shapeOf(retentionSchemas.quarantine),
    staging: shapeOf(retentionSchemas.staging),
    tests: shapeOf(testsShape),
  };
  const described = Object.entries(properties as Readonly<Record<string, JsonSchema>>).map(([word, shape]) => [word, { ...shape, ...inner[word] }]);
  return {
    $schema: dialect, title: 'A pipeline of Millrace', ...rest, properties: Object.fromEntries(described),
    definitions: { step: oneOf(stepWords), check: oneOf(checkWords), format: oneOf(formatWords) },
  };
}

/** Words of the registries in place of what the parser looks up in them. */
function withWords(shape: JsonSchema): JsonSchema {
  const named: Readonly<Record<string, JsonSchema>> = {
    steps: { type: 'array', items: definition('step') }, checks: { type: 'array', items: definition('check') }, format: definition('format'),
  };
  const properties = Object.entries(shape['properties'] as Readonly<Record<string, JsonSchema>>).map(([word, inner]) => [
    word, named[word] ? { description: inner['description'], ...named[word] } : inner['properties'] ? withWords(inner) : inner,
  ]);
  return { ...shape, properties: Object.fromEntries(properties) };
}

// Draft 7 ignores what stands beside $ref.
const definition = (name: string): JsonSchema => ({ allOf: [{ $ref: `#/definitions/${name}` }] });

/** `trim: {…}`, and `trim` alone where nothing else needs to be said. */
function oneOf(words: readonly Word[]): JsonSchema {
  const bare = words.filter(takesNothing).map(({ name }) => name);
  const map = { type: 'object', minProperties: 1, maxProperties: 1, additionalProperties: false, properties: Object.fromEntries(words.map((word) => [word.name, optionsOf(word)])) };
  return bare.length === 0 ? map : { anyOf: [map, { enum: bare }] };
}

const takesNothing = ({ optionsSchema }: Word): boolean => optionsSchema.safeParse({}).success;

function optionsOf(word: Word): JsonSchema {
  const shape = shapeOf(word.optionsSchema);
  return takesNothing(word) ? { description: word.summary, anyOf: [shape, { type: 'null' }] } : { description: word.summary, ...shape };
}

function connectionsJsonSchema(): JsonSchema {
  const options = connectorWords.map(({ name, summary, configSchema }) => {
    const { properties, required = [], ...rest } = mapped(shapeOf(configSchema), referenceBesides);
    const connector = { const: name, description: summary };
    return { if: { properties: { connector: { const: name } } }, then: { ...rest, properties: { connector, ...(properties as object) }, required: ['connector', ...(required as readonly string[])] } };
  });
  const entry = {
    description: 'A connection: { connector: …, … }', type: 'object', required: ['connector'],
    properties: { connector: { description: 'Which system it is', enum: connectorWords.map(({ name }) => name) } }, allOf: options,
  };
  return { $schema: dialect, title: 'Connections of Millrace', type: 'object', additionalProperties: entry };
}

/** In YAML a bare null is no text: the word "null" may be written without quotes. */
const nullBesides = (shape: JsonSchema): JsonSchema => {
  const words = shape['enum'];
  return Array.isArray(words) && words.includes('null') ? { ...shape, type: ['string', 'null'], enum: [...words as readonly unknown[], null] } : shape;
};

const reference = { type: 'string', pattern: '\\$\\{(env|file):' };

/** Numbers, words and patterns in connections.yaml may stand in a variable or a file. */
const referenceBesides = (shape: JsonSchema): JsonSchema => {
  const { description, ...rest } = shape;
  const strict = ['number', 'integer', 'boolean'].includes(String(rest['type'])) || ['enum', 'pattern', 'format'].some((word) => word in rest);
  return strict ? { ...(description === undefined ? {} : { description }), anyOf: [rest, reference] } : shape;
};

/** Changes a schema and every schema in it, from the inside. */
function mapped(shape: JsonSchema, change: (shape: JsonSchema) => JsonSchema): JsonSchema {
  const within = (word: string, value: unknown): unknown => {
    if (word === 'properties') return Object.fromEntries(Object.entries(value as JsonSchema).map(([name, inner]) => [name, mapped(inner as JsonSchema, change)]));
    if (['anyOf', 'oneOf', 'allOf'].includes(word) || (word === 'items' && Array.isArray(value))) return (value as readonly JsonSchema[]).map((inner) => mapped(inner, change));
    return ['items', 'additionalProperties'].includes(word) && typeof value === 'object' ? mapped(value as JsonSchema, change) : value;
  };
  return change(Object.fromEntries(Object.entries(shape).map(([word, value]) => [word, within(word, value)])));
}
