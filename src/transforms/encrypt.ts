import { z } from 'zod';
import type { Column } from '../domain/column';
import { find, placing, refuseOtherTypes, textOf } from './columns';
import { programGuard } from './encode';
import { quoteIdentifier } from './quote';
import { secretOption } from './secrets';
import { defineStep, type CompileInput, type Rows } from './step';

export const encrypt = defineStep({
  name: 'encrypt',
  summary: 'Encrypts values with AES-256-GCM; "decrypt" with the same key, in a column of the same name, gives them back',
  example: 'encrypt: { columns: [phone], key: "${env:ENCRYPTION_KEY}" }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns; other types than text as their text'),
    key: secretOption,
    deterministic: z.boolean().default(false).describe('Equal values become equal texts, so that they can be compared and joined; that they are equal can then be seen'),
  }),
  secrets: ({ key }) => [key],
  compile: ({ columns, key, deterministic }, input) => crypted(columns.map((name) => find(name, input, 'encrypt')), input, key, { direction: 'encrypt', deterministic }, 'cannot be encrypted'),
});

export const decrypt = defineStep({
  name: 'decrypt',
  summary: 'Gives back what "encrypt" made, as text; a value that was altered, moved or encrypted with another key is an error',
  example: 'decrypt: { columns: [phone], key: "${env:ENCRYPTION_KEY}" }',
  takesOnError: true,
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('Columns of encrypted text'), key: secretOption, column: z.string().optional().describe('Name that the column had when it was encrypted, if it has another now') }),
  secrets: ({ key }) => [key],
  compile({ columns, key, column: formerly }, input) {
    const chosen = columns.map((name) => find(name, input, 'decrypt'));
    for (const column of chosen) refuseOtherTypes(column, 'decrypt', ['VARCHAR']);
    return crypted(chosen, input, key, { direction: 'decrypt', ...(formerly === undefined ? {} : { formerly }) }, 'does not decrypt');
  },
});

function crypted(columns: readonly Column[], input: CompileInput, key: string, settings: { readonly direction: string; readonly deterministic?: boolean; readonly formerly?: string }, reason: string): Rows {
  const outputs = columns.map((column, index) => ({ column, name: `_millrace_out_${index}` }));
  const bound = Object.fromEntries(outputs.map(({ column, name }) => [name, settings.formerly ?? column.name]));
  return {
    kind: 'rows', columns: placing(input, new Map(outputs.map(({ column, name }) => [column.name, quoteIdentifier(name)]))),
    guards: outputs.map(({ column, name }) => programGuard(column.name, column.name, reason, `${quoteIdentifier(column.name)} IS NOT NULL AND ${quoteIdentifier(name)} IS NULL`)),
    program: {
      program: 'crypt', secrets: { key }, settings: { direction: settings.direction, deterministic: settings.deterministic ?? false, bound },
      inputs: outputs.map(({ column, name }) => ({ name, sql: textOf(column) })), outputs: outputs.map(({ name }) => ({ name, type: 'VARCHAR' })),
    },
  };
}
