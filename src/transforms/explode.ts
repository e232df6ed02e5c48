import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, isText, refuseTaken } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, type Guard } from './step';

export const explode = defineStep({
  name: 'explode',
  summary: 'Makes each element of a list into a row of its own',
  example: 'explode: { column: tags, to: tag, index: tag_number }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('A list, or text that holds a JSON list'),
    to: z.string().optional().describe('Column for the elements; default: in place'),
    index: z.string().optional().describe('Column for the element\'s number, from 1'),
    empty: z.enum(['keep', 'drop']).default('keep').describe('A row whose list is empty or NULL: kept with NULL, or left out as filtered'),
  }),
  scope: () => 'row',
  compile({ column: name, to, index, empty }, input) {
    const column = find(name, input, 'explode');
    const json = isText(column) || column.type === 'JSON';
    if (!json && !column.type.endsWith('[]')) throw new ConfigurationError(`compiling step "explode": column "${name}" is ${column.type}, not a list; "split" makes one of text`, { step: 'explode', column: name });
    const output = to ?? name;
    const rest = input.columns.filter((other) => other.name !== name);
    for (const added of [output, ...(index === undefined ? [] : [index])]) refuseTaken(added, { ...input, columns: rest }, 'explode');
    const list = json ? `TRY_CAST(${quoteIdentifier(name)} AS JSON[])` : quoteIdentifier(name);
    const size = `coalesce(len(${list}), 0)`;
    // A list with one NULL stands for an empty one, so that its row stays.
    const elements = empty === 'keep' ? `CASE WHEN ${size} = 0 THEN [NULL] ELSE ${list} END` : list;
    const element = json ? `unnest(list_transform(${elements}, lambda e: e ->> '$'))` : `unnest(${elements})`;
    const columns = [...rest.map((other) => quoteIdentifier(other.name)), `${element} AS ${quoteIdentifier(output)}`,
      ...(index === undefined ? [] : [`CASE WHEN ${size} > 0 THEN unnest(range(1, greatest(${size}, 1) + 1)) END AS ${quoteIdentifier(index)}`]), quoteIdentifier(positionColumn)];
    const guards: Guard[] = json ? [{ column: name, output: name, reason: 'is not a JSON list', when: `${quoteIdentifier(name)} IS NOT NULL AND ${list} IS NULL` }] : [];
    return {
      kind: 'reshape', keepsPosition: true, untouched: rest.map((other) => other.name), guards,
      select: `SELECT ${columns.join(', ')} FROM ${input.relation}`,
      measure: `SELECT CAST(coalesce(sum(n - 1) FILTER (n > 1), 0) AS BIGINT) AS created, 0 AS aggregated, ${empty === 'drop' ? 'count(*) FILTER (n = 0)' : '0'} AS filtered, 0 AS deduplicated FROM (SELECT ${size} AS n FROM ${input.relation})`,
    };
  },
});
