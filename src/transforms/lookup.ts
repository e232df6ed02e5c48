import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find, refuseTaken, same, wordOption } from './columns';
import { addedOption, literalOf, matchOf, namesOther, onOption, otherOptions, otherProblem, otherReference, pairsOf } from './other';
import { quoteIdentifier } from './quote';
import { defineStep, type Guard } from './step';

export const lookup = defineStep({
  name: 'lookup',
  summary: 'Adds columns of the one row with the same key in another stream, a file or a table; never makes more rows',
  example: 'lookup: { file: airports.csv, on: { origin: iata }, columns: [city, state], on_miss: error }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    ...otherOptions,
    on: onOption,
    columns: addedOption,
    on_miss: wordOption(['null', 'error', 'default']).default('null').describe('A key that is not there gives NULL, is an error, or gives "default"; a key that is NULL is never there'),
    default: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional().describe('Column: value for keys that are not there'),
    order_by: z.string().regex(/^\s*\S+(\s+(asc|desc))?\s*$/i, 'write a column name, then asc or desc').optional().describe('Their column [asc|desc]: of several rows with one key the first counts; without it they are an error'),
  }).refine(namesOther, otherProblem),
  references: (options) => otherReference(options, 'lookup'),
  compile({ on, columns, on_miss: onMiss, default: defaults = {}, order_by: orderBy }, input) {
    const added = pairsOf(columns);
    const other = input.references['other']!;
    for (const [name] of added) refuseTaken(name, input, 'lookup');
    const strange = Object.keys(defaults).find((name) => !added.some(([ours]) => ours === name));
    if (strange) throw new ConfigurationError(`compiling step "lookup": "default" names "${strange}", which is not among its columns`);
    if (onMiss === 'default' && Object.keys(defaults).length === 0) throw new ConfigurationError('compiling step "lookup": "on_miss: default" needs "default", e.g. default: { city: unknown }');
    const theirs = { columns: other.columns, relation: other.relation, references: {} };
    const match = matchOf({ on, columns: added, order: orderBy && orderOf(orderBy, (name) => find(name, theirs, 'lookup').name) }, input, 'lookup');
    const value = (ours: string, from: string): string => {
      const given = defaults[ours];
      return onMiss === 'default' && given !== undefined ? `CASE WHEN ${match.matches} = 0 THEN ${literalOf(given, find(from, theirs, 'lookup').type)} ELSE ${match.value(from)} END` : match.value(from);
    };
    const [key] = pairsOf(on)[0]!;
    const first = added[0]?.[0] ?? key;
    const guards: Guard[] = [
      ...(onMiss === 'error' ? [{ column: key, output: first, reason: 'is not in the table looked up', when: `${match.matches} = 0` }] : []),
      ...(orderBy === undefined ? [{ column: key, output: first, reason: 'is there several times in the table looked up', when: `${match.matches} > 1` }] : []),
    ];
    return { kind: 'rows', from: match.from, guards, columns: [...input.columns.map(same), ...added.map(([name, from]) => ({ name, sql: value(name, from), computed: true }))] };
  },
});

function orderOf(text: string, checked: (name: string) => string): string {
  const [name, direction = 'asc'] = text.trim().split(/\s+/);
  return `${quoteIdentifier(checked(name!))} ${direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC'} NULLS LAST`;
}
