import { z } from 'zod';
import { checks, checkSpecSchema } from '../checks/registry';
import { steps, stepSpecSchema } from '../transforms/registry';

interface Property {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Property[];
}

/** Reference pages by file name, made of what the registries declare. */
export const documents = (): Readonly<Record<string, string>> => ({
  'steps.md': page('Steps', 'What is done to rows, in order: `steps:` of a stream. SQL is DuckDB\'s. Written by `scripts/generate-docs.mjs` from the steps themselves.',
    steps.map(({ name, summary, example }) => ({ name, summary, example, schema: stepSpecSchema(name) }))),
  'checks.md': page('Checks', 'What must hold before rows are published: `checks:` of a stream. Written by `scripts/generate-docs.mjs` from the checks themselves.',
    checks.map(({ name, summary, example }) => ({ name, summary, example, schema: checkSpecSchema(name) }))),
});

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  readonly schema: z.ZodType;
}

const page = (title: string, opening: string, entries: readonly Entry[]): string => `# ${title}\n\n${opening}\n\n${entries.map(section).join('\n\n')}\n`;

function section({ name, summary, example, schema }: Entry): string {
  const json = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as { readonly properties?: Readonly<Record<string, Property>>; readonly required?: readonly string[] };
  const rows = Object.entries(json.properties ?? {}).map(([word, property]) => `| \`${word}\` | ${cell(shapeOf(property))} | ${(json.required ?? []).includes(word) ? 'needed' : property.default === undefined ? '' : cell(`\`${JSON.stringify(property.default)}\``)} | ${cell(property.description ?? '')} |`);
  return [`## ${name}`, `${summary}.`, `\`\`\`yaml\n- ${example}\n\`\`\``, ['| word | is | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')].join('\n\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function shapeOf(property: Property): string {
  if (property.enum) return property.enum.map(String).join(', ');
  if (property.const !== undefined) return String(property.const);
  if (property.anyOf) return [...new Set(property.anyOf.map(shapeOf))].join(' or ');
  return ({ string: 'text', number: 'number', integer: 'whole number', boolean: 'true or false', array: 'list', object: 'map' } as Readonly<Record<string, string>>)[property.type ?? ''] ?? '';
}
