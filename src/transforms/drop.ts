import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find, same } from './columns';
import { defineStep } from './step';

export const drop = defineStep({
  name: 'drop',
  summary: 'Leaves the named columns out',
  example: 'drop: { columns: [note] }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('Columns to leave out') }),
  compile({ columns }, input) {
    const dropped = new Set(columns.map((name) => find(name, input, 'drop').name));
    const kept = input.columns.filter(({ name }) => !dropped.has(name));
    if (kept.length === 0) throw new ConfigurationError('compiling step "drop": it would leave no column; keep at least one');
    return { kind: 'rows', guards: [], columns: kept.map(same) };
  },
});
