import { z } from 'zod';
import { checks, checkSpecSchema } from '../checks/registry';
import { steps, stepSpecSchema } from '../transforms/registry';
import { jsonSchemas } from './json-schema';
import { connectorWords, formatWords, type Word } from './vocabulary';

interface Property {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Property[];
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
  readonly items?: Property;
}

/** Reference pages by file name, made of what the registries declare. */
export const documents = (): Readonly<Record<string, string>> => ({
  'steps.md': page('Steps', 'What is done to rows, in order: `steps:` of a stream. SQL is DuckDB\'s. Written by `scripts/generate-docs.mjs` from the steps themselves.',
    steps.map(({ name, summary, example }) => ({ name, summary, example, schema: stepSpecSchema(name) }))),
  'pipeline.md': pipelinePage(),
  'connections.md': `# Connections\n\nEach entry of \`connections.yaml\` is a name of your own and \`{ connector: …, … }\`. A secret is written \`\${env:NAME}\` or \`\${file:PATH}\`, never itself. Written by \`scripts/generate-docs.mjs\` from the connectors themselves.\n\n${connectorWords.map(({ name, summary, configSchema }) => wordsOf(name, summary, configSchema)).join('\n\n')}\n`,
  'checks.md': page('Checks', 'What must hold before rows are published: `checks:` of a stream. Without `at` a check looks at the rows that are staged. With `at: destination` it asks the target, in its own SQL, within the transaction that publishes: it sees the whole table as readers would see it, and what blocks is rolled back with all that the publish wrote. Such a check holds the locks of the publish while it runs; Postgres and DuckDB take it. What each check said, run by run (verdict, failing rows, what was observed and expected), is shown by `millrace status PIPELINE --checks`; rows that fail one that sets none aside by `millrace quarantine show RUN`, some of each. Written by `scripts/generate-docs.mjs` from the checks themselves.',
    checks.map(({ name, summary, example }) => ({ name, summary, example, schema: checkSpecSchema(name) }))),
});

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  readonly schema: z.ZodType;
}

const page = (title: string, opening: string, entries: readonly Entry[]): string => `# ${title}\n\n${opening}\n\n${entries.map(section).join('\n\n')}\n`;

const objectOf = (schema: z.ZodType): Property => z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as Property;

const section = ({ name, summary, example, schema }: Entry): string => [`## ${name}`, `${summary}.`, `\`\`\`yaml\n- ${example}\n\`\`\``, table(objectOf(schema))].join('\n\n');

const wordsOf = (name: string, summary: string, schema: z.ZodType): string => [`## ${name}`, `${summary}.`, table(objectOf(schema))].join('\n\n');

function table(object: Property): string {
  const rows = rowsOf(object, '');
  return rows.length === 0 ? 'It has no options.' : ['| word | is | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Words of a map follow it as `map.word`. */
const rowsOf = ({ properties = {}, required = [] }: Property, before: string): readonly string[] => Object.entries(properties).flatMap(([word, property]) => [
  `| \`${before}${word}\` | ${cell(shapeOf(property))} | ${required.includes(word) ? 'needed' : property.default === undefined ? '' : cell(`\`${JSON.stringify(property.default)}\``)} | ${cell(property.description ?? '')} |`,
  ...rowsOf(property, `${before}${word}.`),
]);

/** The same declarations that editors complete from. */
function pipelinePage(): string {
  const { properties = {}, required = [] } = jsonSchemas.pipeline() as Property;
  const parts = Object.entries(properties).flatMap(([word, property]) => {
    const inner = [property.items, ...property.anyOf ?? []].find((shape) => shape?.properties) ?? property;
    return inner.properties && word !== 'defaults' ? [[`## ${word}`, ...(property.description ? [`${property.description}.`] : []), table(inner)].join('\n\n')] : [];
  });
  const formats = formatWords.map(({ name, summary, optionsSchema }: Word) => wordsOf(name, summary, optionsSchema).replace('## ', '### '));
  return ['# The pipeline file', 'Every word of it. `defaults:` takes the words of a stream that are the same for all of them; [steps](steps.md), [checks](checks.md) and [connections](connections.md) have pages of their own. What a word means for the data is in [guarantees.md](guarantees.md). `millrace init` writes a schema by which an editor completes and checks all this. Written by `scripts/generate-docs.mjs` from what the parser declares.',
    table({ properties: Object.fromEntries(Object.entries(properties).map(([word, { properties: _later, ...property }]) => [word, property])), required }), ...parts, '## Formats', '`format:` of a stream of files: a name, or a name with options.', ...formats].join('\n\n') + '\n';
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function shapeOf(property: Property): string {
  if (property.enum) return property.enum.map(String).join(', ');
  if (property.const !== undefined) return String(property.const);
  if (property.anyOf) return [...new Set(property.anyOf.map(shapeOf))].join(' or ');
  return ({ string: 'text', number: 'number', integer: 'whole number', boolean: 'true or false', array: 'list', object: 'map' } as Readonly<Record<string, string>>)[property.type ?? ''] ?? '';
}
