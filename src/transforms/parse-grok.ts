import { fitOf } from '../formats/fits';
import { extracted, fieldText, fitOfField } from '../formats/grok';
import { compileGrok } from '../formats/grok-patterns';
import type { ParsedField } from './parse';
import type { Parsed } from './parse-sql';
import { quoteIdentifier } from './quote';
import type { Compiled, Guard } from './step';

interface Grok {
  readonly pattern?: string | undefined;
  readonly patterns: Readonly<Record<string, string>>;
}

/** What logs write where there is nothing. */
const nulls = ['-', ''];
const groups = '_millrace_groups';

const compiledOf = ({ pattern = '', patterns }: Grok) => compileGrok(pattern, patterns);

/** Why a pattern cannot be used; null: it can. */
export function grokProblem(pattern: string, patterns: Readonly<Record<string, string>>, wanted: readonly string[]): string | null {
  try {
    const known = compileGrok(pattern, patterns).fields.map(({ name }) => name);
    const missing = wanted.find((name) => !known.includes(name));
    return missing === undefined ? null : `it has no field "${missing}"; its fields are ${known.join(', ')}`;
  } catch (error) {
    return (error as Error).message;
  }
}

export const allFields = (options: Grok): readonly ParsedField[] => compiledOf(options).fields.map(({ name, type }) => ({ name, type, path: name }));

/** Fields of a line by a grok pattern, all of them in one look. */
export function grokFields({ rest, column, text, fields }: Parsed, options: Grok, relation: string): Compiled {
  const compiled = compiledOf(options);
  const byName = new Map(compiled.fields.map((field) => [field.name, field]));
  const fitting = fields.map(({ name, type, path }) => {
    const value = fieldText(byName.get(path), nulls, groups);
    return { name, type, ...fitOfField(byName.get(path), type, value) ?? fitOf(value, type) };
  });
  const guards: Guard[] = [
    { column, output: fields[0]!.name, reason: 'does not match the pattern', when: `${quoteIdentifier(column)} IS NOT NULL AND ${groups}.whole = ''` },
    ...fitting.map(({ name, type, misfit }): Guard => ({ column, output: name, reason: `has a "${name}" that is not a ${type.toUpperCase()}`, when: misfit })),
  ];
  return {
    kind: 'rows', guards, from: `(SELECT *, ${extracted(text, compiled)} AS ${groups} FROM ${relation})`,
    columns: [...rest, ...fitting.map(({ name, misfit, value }) => ({ name, sql: `CASE WHEN ${misfit} THEN NULL ELSE ${value} END`, computed: true }))],
  };
}
