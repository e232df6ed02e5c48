import { z } from 'zod';
import { columnsOption, pick, placing, typeOption } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, programError } from './step';

export const js = defineStep({
  name: 'js',
  summary: 'Calls a JavaScript function of yours for each row, in a process of its own: it reads its folder, writes nothing, starts no process and has no network',
  example: 'js: { file: functions/score.js, input: [total, region], output: { score: INTEGER } }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    file: z.string().min(1).describe('CommonJS (.js, .cjs) or module (.mjs), relative to connections.yaml'),
    function: z.string().default('default').describe('Its name among the exports; default: module.exports, or export default'),
    input: columnsOption.default('*').describe('Columns that the function gets, as one object: every value as text, so that no digit is lost; lists and records as such'),
    output: z.record(z.string().min(1), typeOption).describe('Columns that it gives back in an object, and their types; what is not there is NULL'),
    memory_mb: z.int().min(32).max(4096).default(256).describe('Memory of its process'),
    seconds_per_row: z.number().positive().max(3600).default(10).describe('A row that takes longer ends the step'),
  }),
  compile({ file, function: name, input: columns, output, memory_mb: memoryMb, seconds_per_row: secondsPerRow }, input) {
    const given = pick(columns, input, 'js');
    const outputs = Object.entries(output).map(([column, type], index) => ({ column, type, name: `_millrace_out_${index}` }));
    // A value that is not of its type comes back as NULL; the same value as JSON tells.
    const raw = (index: number): string => `_millrace_raw_${index}`;
    const first = given[0]!.name;
    return {
      kind: 'rows', columns: placing(input, new Map(outputs.map((one) => [one.column, quoteIdentifier(one.name)]))),
      guards: [
        { column: first, output: outputs[0]?.column ?? first, reason: 'the function fails', reasonSql: programError, when: `${programError} IS NOT NULL` },
        ...outputs.map((one, index) => ({ column: one.column, output: one.column, reason: `is not a ${one.type.toUpperCase()}`, when: `${quoteIdentifier(one.name)} IS NULL AND json_type(${raw(index)}) <> 'NULL'` })),
      ].map((guard) => (input.columns.some((column) => column.name === guard.column) ? guard : { ...guard, column: first, reason: `"${guard.column}" ${guard.reason}` })),
      program: {
        program: 'js', file, settings: { shown: file, function: name, columns: Object.fromEntries(outputs.map((one, index) => [one.column, [one.name, raw(index)]])) },
        inputs: given.map((column) => ({ name: column.name, sql: /[[(]|^JSON/.test(column.type) && !column.type.startsWith('DECIMAL') ? `to_json(${quoteIdentifier(column.name)})` : `CAST(${quoteIdentifier(column.name)} AS VARCHAR)` })),
        outputs: [...outputs.map(({ name: given, type }) => ({ name: given, type })), ...outputs.map((_, index) => ({ name: raw(index), type: 'JSON' }))],
        limits: { memoryMb, secondsPerRow },
      },
    };
  },
});
