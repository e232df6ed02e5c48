import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { columnsOption, pick, same } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, type Projection } from './step';
import { fieldsOf } from './struct-type';

export const flatten = defineStep({
  name: 'flatten',
  summary: 'Makes the fields of nested records into columns of their own',
  example: 'flatten: { columns: [address], separator: "_" }',
  optionsSchema: z.strictObject({
    columns: columnsOption,
    separator: z.string().default('_').describe('Between the column\'s name and the field\'s'),
    depth: z.int().min(1).max(20).default(20).describe('Levels to open; deeper ones stay records'),
    prefix: z.boolean().default(true).describe('Put the column\'s name before the field\'s'),
  }),
  keepsRows: () => true,
  compile({ columns, separator, depth, prefix }, input) {
    const chosen = new Set(pick(columns, input, 'flatten').map(({ name }) => name));
    const plain = columns === '*' ? null : [...chosen].find((name) => fieldsOf(input.columns.find((column) => column.name === name)!.type) === null);
    if (plain) throw new ConfigurationError(`compiling step "flatten": column "${plain}" is ${input.columns.find(({ name }) => name === plain)!.type}, not a record; text that holds JSON is opened by "parse: { format: json }", a list by "explode"`, { step: 'flatten', column: plain });
    const opened = input.columns.flatMap((column) => (chosen.has(column.name) ? open(column.name, column.type, quoteIdentifier(column.name), separator, depth, prefix) : [same(column)]));
    const twice = opened.find(({ name }, index) => opened.findIndex((other) => other.name === name) !== index);
    if (twice) throw new ConfigurationError(`compiling step "flatten": two columns would be called "${twice.name}"; choose another separator, or rename one before`);
    return { kind: 'rows', guards: [], columns: opened };
  },
});

function open(name: string, type: string, sql: string, separator: string, depth: number, prefix: boolean): readonly Projection[] {
  const fields = depth === 0 ? null : fieldsOf(type);
  if (!fields) return [{ name, sql, computed: true }];
  return fields.flatMap((field) => open(prefix ? `${name}${separator}${field.name}` : field.name, field.type, `(${sql}).${quoteIdentifier(field.name)}`, separator, depth - 1, prefix));
}
