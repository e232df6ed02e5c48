import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const join = defineStep({
  name: 'join',
  summary: 'Adds columns of another stream or a file where key columns are equal',
  example: 'join: { file: airports.csv, on: { origin: iata }, columns: [city, state] }',
  optionsSchema: z.strictObject({
    stream: z.string().optional().describe('Another stream of this pipeline, taken whole; it runs first'),
    file: z.string().optional().describe('A file, relative to connections.yaml'),
    on: z.union([z.array(z.string()).min(1), z.record(z.string(), z.string())]).describe('Equal columns, or ours: theirs'),
    type: z.enum(['inner', 'left']).default('left').describe('left keeps rows without a match; inner drops them, as filtered'),
    columns: z.union([z.array(z.string()), z.record(z.string(), z.string())]).describe('Their columns to add, or our name: theirs'),
  }).refine(({ stream, file }) => (stream === undefined) !== (file === undefined), 'give either stream or file'),
  scope: () => 'row',
  references: ({ stream, file }) => ({ other: stream !== undefined ? { stream } : { file: file! } }),
  compile({ on, type, columns }, input) {
    const other = input.references['other']!;
    const pairs = Array.isArray(on) ? on.map((name) => [name, name] as const) : Object.entries(on);
    const added = Array.isArray(columns) ? columns.map((name) => [name, name] as const) : Object.entries(columns);
    const theirs = { columns: other.columns, relation: other.relation, references: {} };
    for (const [ours, name] of pairs) { find(ours, input, 'join'); find(name, theirs, 'join'); }
    for (const [name, from] of added) {
      find(from, theirs, 'join');
      if (input.columns.some((column) => column.name === name)) throw new ConfigurationError(`compiling step "join": there is already a column "${name}"; give the new one another name: columns: { other_name: ${from} }`);
    }
    const condition = pairs.map(([ours, name]) => `l.${quoteIdentifier(ours)} = r.${quoteIdentifier(name)}`).join(' AND ');
    const outputs = [...input.columns.map(({ name }) => `l.${quoteIdentifier(name)}`), ...added.map(([name, from]) => `r.${quoteIdentifier(from)} AS ${quoteIdentifier(name)}`), `l.${quoteIdentifier(positionColumn)}`];
    return {
      kind: 'reshape',
      select: `SELECT ${outputs.join(', ')} FROM ${input.relation} l ${type.toUpperCase()} JOIN ${other.relation} r ON ${condition}`,
      // Matches per row, counted by keys and apart from the join itself.
      measure: `WITH k AS (SELECT ${pairs.map(([, name]) => quoteIdentifier(name)).join(', ')}, count(*) AS n FROM ${other.relation} GROUP BY ALL), ` +
        `m AS (SELECT coalesce((SELECT n FROM k r WHERE ${condition}), 0) AS n FROM ${input.relation} l) ` +
        `SELECT CAST(coalesce(sum(n - 1) FILTER (n > 1), 0) AS BIGINT) AS created, 0 AS aggregated, ${type === 'inner' ? 'count(*) FILTER (n = 0)' : '0'} AS filtered, 0 AS deduplicated FROM m`,
      untouched: input.columns.map(({ name }) => name),
      keepsPosition: true,
    };
  },
});
