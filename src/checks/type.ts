import { z } from 'zod';
import { castOf } from '../transforms/cast';
import { typeOption } from '../transforms/columns';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const type = defineCheck({
  name: 'type',
  summary: 'Every value can be of a type without loss; NULL passes',
  example: 'type: { column: code, is: BIGINT }',
  asksDestination: false,
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), is: typeOption.describe('DuckDB type') }),
  compile({ column, is }, input) {
    const name = columnOf(column, input, 'type');
    const from = input.columns.find((known) => known.name === column)!.type;
    return { kind: 'row', violations: [{ column, when: `${name} IS NOT NULL AND (${castOf(name, from, is)}) IS NULL`, reason: `is not a ${is.toUpperCase()} without loss` }] };
  },
});
