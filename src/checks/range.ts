import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

const bound = z.union([z.number(), z.string()]);

export const range = defineCheck({
  name: 'range',
  summary: 'Every value lies between bounds, both included; NULL passes',
  example: 'range: { column: total, min: 0 }',
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), min: bound.optional().describe('Smallest allowed value'), max: bound.optional().describe('Largest allowed value') })
    .refine(({ min, max }) => min !== undefined || max !== undefined, 'give min, max or both'),
  compile({ column, min, max }, input) {
    const name = columnOf(column, input, 'range');
    const { type } = input.columns.find((known) => known.name === column)!;
    const value = (limit: string | number) => `CAST(${quoteLiteral(String(limit))} AS ${type})`;
    return {
      kind: 'row',
      violations: [
        ...(min === undefined ? [] : [{ column, when: `${name} < ${value(min)}`, reason: `is below ${min}` }]),
        ...(max === undefined ? [] : [{ column, when: `${name} > ${value(max)}`, reason: `is above ${max}` }]),
      ],
    };
  },
});
