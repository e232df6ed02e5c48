import { z } from 'zod';
import { defineCheck } from './check';
import { columnOf } from './columns';

const size = z.int().min(0).optional();

export const length = defineCheck({
  name: 'length',
  summary: 'Every text has a length between bounds, both included, in characters; NULL passes',
  example: 'length: { column: code, min: 2, max: 40 }',
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), min: size.describe('Fewest characters'), max: size.describe('Most characters') })
    .refine(({ min, max }) => min !== undefined || max !== undefined, 'give min, max or both'),
  compile({ column, min, max }, input) {
    const characters = `length(CAST(${columnOf(column, input, 'length')} AS VARCHAR))`;
    return {
      kind: 'row',
      violations: [
        ...(min === undefined ? [] : [{ column, when: `${characters} < ${min}`, reason: `is shorter than ${min}` }]),
        ...(max === undefined ? [] : [{ column, when: `${characters} > ${max}`, reason: `is longer than ${max}` }]),
      ],
    };
  },
});
