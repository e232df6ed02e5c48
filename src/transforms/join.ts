import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find } from './columns';
import { addedOption, checkPairs, equalSql, namesOther, onOption, otherOptions, otherProblem, otherReference, pairsOf, type Pairs } from './other';
import { quoteIdentifier } from './quote';
import { defineStep, type CompileInput, type Guard } from './step';

export const join = defineStep({
  name: 'join',
  summary: 'Adds columns of another stream, a file or a table where key columns are equal',
  example: 'join: { file: airports.csv, on: { origin: iata }, columns: [city, state] }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    ...otherOptions,
    on: onOption,
    type: z.enum(['inner', 'left']).default('left').describe('left keeps rows without a match; inner drops them, as filtered'),
    on_miss: z.literal('error').optional().describe('error: a row without a match is an error'),
    as_of: z.strictObject({
      ours: z.string().describe('Our time or number'), theirs: z.string().describe('Theirs'),
    }).optional().describe('Of their rows with the same key the latest one that is not after ours: a price that held then'),
    columns: addedOption,
  }).refine(namesOther, otherProblem),
  scope: () => 'row',
  references: (options) => otherReference(options, 'join'),
  compile({ on, type, on_miss: onMiss, as_of: asOf, columns }, input) {
    const join: Join = { pairs: pairsOf(on), added: pairsOf(columns), asOf, inner: type === 'inner', input };
    checkJoin(join);
    const miss: Guard = { column: join.pairs[0]![0], output: join.added[0]?.[0] ?? '', reason: 'has no match in the other table', when: missSql(join) };
    return {
      kind: 'reshape', select: selectSql(join), measure: measureSql(join), keepsPosition: true,
      untouched: input.columns.map(({ name }) => name), guards: onMiss === 'error' ? [miss] : [],
    };
  },
});

interface Join {
  readonly pairs: Pairs;
  readonly added: Pairs;
  readonly asOf: { readonly ours: string; readonly theirs: string } | undefined;
  readonly inner: boolean;
  readonly input: CompileInput;
}

function checkJoin({ pairs, added, asOf, input }: Join): void {
  const { columns, relation } = input.references['other']!;
  const theirs = { columns, relation, references: {} };
  checkPairs(asOf ? [...pairs, [asOf.ours, asOf.theirs]] : pairs, input, 'join');
  for (const [name, from] of added) {
    find(from, theirs, 'join');
    if (input.columns.some((column) => column.name === name)) throw new ConfigurationError(`compiling step "join": there is already a column "${name}"; give the new one another name: columns: { other_name: ${from} }`);
  }
}

const typeOf = (name: string, columns: CompileInput['columns']): string => columns.find((column) => column.name === name)!.type;

/** Keys are equal; `ours` and `theirs` say how a column of each side is written. */
const equal = ({ pairs, input }: Join, ours: (name: string) => string, theirs: (name: string, index: number) => string): string =>
  pairs.map(([left, right], index) => equalSql(ours(left), typeOf(left, input.columns), theirs(right, index), typeOf(right, input.references['other']!.columns))).join(' AND ');

function selectSql(join: Join): string {
  const { added, asOf, inner, input } = join;
  const outputs = [...input.columns.map(({ name }) => `l.${quoteIdentifier(name)}`), ...added.map(([name, from]) => `r.${quoteIdentifier(from)} AS ${quoteIdentifier(name)}`), `l.${quoteIdentifier(positionColumn)}`];
  const condition = equal(join, (name) => `l.${quoteIdentifier(name)}`, (name) => `r.${quoteIdentifier(name)}`);
  const time = asOf ? ` AND l.${quoteIdentifier(asOf.ours)} >= r.${quoteIdentifier(asOf.theirs)}` : '';
  return `SELECT ${outputs.join(', ')} FROM ${input.relation} l ${asOf ? 'ASOF ' : ''}${inner ? 'INNER' : 'LEFT'} JOIN ${input.references['other']!.relation} r ON ${condition}${time}`;
}

/** Matches per row, counted by keys and apart from the join itself. */
function measureSql(join: Join): string {
  const { pairs, asOf, inner, input } = join;
  const keys = pairs.map(([, name], index) => `${quoteIdentifier(name)} AS "_millrace_k${index}"`).join(', ');
  const condition = equal(join, (name) => `l.${quoteIdentifier(name)}`, (_, index) => `r."_millrace_k${index}"`);
  const found = asOf ? `(l.${quoteIdentifier(asOf.ours)} >= r._millrace_first)::BIGINT` : 'r._millrace_n';
  const grouped = `SELECT ${keys}, count(*) AS _millrace_n${asOf ? `, min(${quoteIdentifier(asOf.theirs)}) AS _millrace_first` : ''} FROM ${input.references['other']!.relation} GROUP BY ${pairs.map(([, name]) => quoteIdentifier(name)).join(', ')}`;
  return `WITH m AS (SELECT coalesce(${found}, 0) AS n FROM ${input.relation} l LEFT JOIN (${grouped}) r ON ${condition}) ` +
    `SELECT CAST(coalesce(sum(n - 1) FILTER (n > 1), 0) AS BIGINT) AS created, 0 AS aggregated, ${inner ? 'count(*) FILTER (n = 0)' : '0'} AS filtered, 0 AS deduplicated FROM m`;
}

function missSql(join: Join): string {
  const { pairs, asOf, input } = join;
  const keys = [...pairs.map(([, name], index) => `${quoteIdentifier(name)} AS "_millrace_k${index}"`), ...(asOf ? [`${quoteIdentifier(asOf.theirs)} AS _millrace_at`] : [])].join(', ');
  const time = asOf ? ` AND _millrace_at <= ${quoteIdentifier(asOf.ours)}` : '';
  return `NOT EXISTS (SELECT 1 FROM (SELECT ${keys} FROM ${input.references['other']!.relation}) WHERE ${equal(join, quoteIdentifier, (_, index) => `"_millrace_k${index}"`)}${time})`;
}
