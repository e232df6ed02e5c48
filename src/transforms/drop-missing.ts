import { z } from 'zod';
import { columnsOption, isText, pick } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const dropMissing = defineStep({
  name: 'drop_missing',
  summary: 'Leaves out rows in which a named column is NULL or empty text; they count as filtered',
  example: 'drop_missing: { columns: [id] }',
  optionsSchema: z.strictObject({ columns: columnsOption }),
  compile: ({ columns }, input) => ({
    kind: 'keep', counts: 'filtered',
    condition: pick(columns, input, 'drop_missing').map((column) => `${quoteIdentifier(column.name)} IS NOT NULL${isText(column) ? ` AND ${quoteIdentifier(column.name)} <> ''` : ''}`).join(' AND '),
  }),
});
