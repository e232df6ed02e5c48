import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find, replacing, typeOption } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, type Guard } from './step';

export const cast = defineStep({
  name: 'cast',
  summary: 'Gives columns another type; a value that would change or lose digits is an error, not rounded',
  example: 'cast: { columns: { total: "DECIMAL(10,2)" } }',
  takesOnError: true,
  optionsSchema: z.strictObject({ columns: z.record(z.string(), typeOption).describe('Column: DuckDB type') }),
  compile({ columns }, input) {
    const replaced = new Map<string, string>();
    const guards: Guard[] = [];
    for (const [name, type] of Object.entries(columns)) {
      const column = find(name, input, 'cast');
      const value = castOf(quoteIdentifier(column.name), column.type, type);
      replaced.set(name, value);
      guards.push({ column: name, output: name, reason: `is not a ${type.toUpperCase()} without loss`, when: `${quoteIdentifier(name)} IS NOT NULL AND (${value}) IS NULL` });
    }
    if (replaced.size === 0) throw new ConfigurationError('compiling step "cast": it names no column');
    return { kind: 'rows', columns: replacing(input, replaced), guards };
  },
});

const exactNumber = /^(DECIMAL|NUMERIC|TINYINT|SMALLINT|INTEGER|INT|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT)/i;
const binaryNumber = /^(FLOAT|REAL|DOUBLE)/i;

/** NULL where the value does not fit exactly. DuckDB rounds numbers into narrower ones; the way back through a wide decimal tells. */
export function castOf(name: string, from: string, type: string): string {
  const source = from === 'VARCHAR' ? `trim(${name})` : name;
  const value = `TRY_CAST(${source} AS ${type})`;
  if (exactNumber.test(type) && !/^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U)/i.test(from)) {
    const wide = binaryNumber.test(from) ? `TRY_CAST(${name} AS DOUBLE)` : `TRY_CAST(${source} AS DECIMAL(38,12))`;
    const back = binaryNumber.test(from) ? `TRY_CAST(${value} AS DOUBLE)` : `TRY_CAST(${value} AS DECIMAL(38,12))`;
    const exact = `CASE WHEN ${wide} = ${back} THEN ${value} END`;
    return from === 'VARCHAR' ? `CASE WHEN ${plain(name, scaleOf(type))} THEN TRY_CAST(${name} AS ${type}) WHEN contains(${source}, 'e') OR contains(${source}, 'E') THEN ${exact} WHEN length(rtrim(split_part(${source}, '.', 2), '0')) <= ${scaleOf(type)} THEN ${value} END` : exact;
  }
  if (/^DATE$/i.test(type) && /^TIMESTAMP/i.test(from)) return `CASE WHEN CAST(${value} AS TIMESTAMP) = CAST(${name} AS TIMESTAMP) THEN ${value} END`;
  return value;
}

/** What most numbers look like; such a text needs no closer look, which costs three times the cast (measured). A number's cast passes over blanks by itself. */
const plain = (text: string, scale: number): string => `(strpos(${text}, '.') = 0 OR length(${text}) - strpos(${text}, '.') <= ${scale}) AND NOT contains(${text}, 'e') AND NOT contains(${text}, 'E')`;

/** Digits after the point that a type holds. Counting those of the text is twenty times faster than the way through a wide decimal (measured). */
const scaleOf = (type: string): number => (/^(DECIMAL|NUMERIC)/i.test(type) ? Number(/\(\s*\d+\s*,\s*(\d+)/.exec(type)?.[1] ?? (type.includes('(') ? 0 : 3)) : 0);
