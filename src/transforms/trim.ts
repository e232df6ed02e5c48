import { z } from 'zod';
import { columnsOption, isText, pick, replacing } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const trim = defineStep({
  name: 'trim',
  summary: 'Takes white space from both ends of text',
  example: 'trim: { columns: "*" }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({ columns: columnsOption, empty_to_null: z.boolean().default(false).describe('What is empty then becomes NULL') }),
  compile({ columns, empty_to_null: toNull }, input) {
    // trim() alone takes spaces only; a pattern takes tabs, line ends and no-break spaces too.
    const trimmed = (name: string): string => `regexp_replace(${quoteIdentifier(name)}, '^[\\s\\p{Z}]+|[\\s\\p{Z}]+$', '', 'g')`;
    const texts = pick(columns, input, 'trim').filter(isText);
    return { kind: 'rows', guards: [], columns: replacing(input, new Map(texts.map(({ name }) => [name, toNull ? `nullif(${trimmed(name)}, '')` : trimmed(name)]))) };
  },
});
