import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const rename = defineStep({
  name: 'rename',
  summary: 'Gives columns other names',
  example: 'rename: { columns: { cust_no: customer_id } }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({ columns: z.record(z.string(), z.string().min(1)).describe('Old name: new name') }),
  compile({ columns }, input) {
    for (const name of Object.keys(columns)) find(name, input, 'rename');
    const names = input.columns.map(({ name }) => columns[name] ?? name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice) throw new ConfigurationError(`compiling step "rename": two columns would be called "${twice}"; rename or drop one of them`);
    return { kind: 'rows', guards: [], columns: input.columns.map(({ name }, index) => ({ name: names[index]!, sql: quoteIdentifier(name), computed: false })) };
  },
});
