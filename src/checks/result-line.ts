import { createHash } from 'node:crypto';
import { canonicalJson, type Json, type JsonObject } from '../domain/json';
import type { NamedOptions } from '../domain/pipeline';
import type { CheckResultLine } from '../domain/receipt';
import type { TextRow } from '../transforms/duckdb-engine';

/** What a check's SQL answered, as receipts have it. */
export function resultLine(spec: NamedOptions, { failing, message, measured, expected }: TextRow): CheckResultLine {
  return {
    check: spec.name, onFail: onFailOf(spec), passed: failing === '0', failingRows: Number(failing), message: message ?? '', id: checkId(spec), ...ruleOf(spec),
    ...(measured != null && { measured }), ...(expected != null && { expected }),
  };
}

/** Checks of single rows, counted as the rows passed. @param failing rows by index in `checks` */
export const rowCheckLines = (checks: readonly NamedOptions[], failing: Readonly<Record<number, number>>): readonly CheckResultLine[] =>
  Object.entries(failing).sort(([left], [right]) => Number(left) - Number(right)).map(([index, rows]) => {
    const spec = checks[Number(index)]!;
    return resultLine(spec, { failing: String(rows), message: `${rows} rows fail${onFailOf(spec) === 'quarantine' ? ' and are set aside' : ''}`, measured: null, expected: null });
  });

export const onFailOf = ({ options }: NamedOptions): string => String(options['on_fail'] ?? 'block');

/** Names a check in receipts: the same word with the same options is the same check in another run. */
export const checkId = ({ name, options }: NamedOptions): string => createHash('sha256').update(canonicalJson({ name, options: { ...options, on_fail: null } })).digest('hex').slice(0, 12);

const longest = 120;

/** `column: total, min: 0`, to tell two checks of one name apart; thresholds are told beside what was measured. */
function ruleOf({ options }: NamedOptions): { readonly rule?: string } {
  const { on_fail: _onFail, at: _at, ...rest } = options;
  const text = textOf(Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('must_be'))));
  return text === '' ? {} : { rule: text.length > longest ? `${text.slice(0, longest - 1)}…` : text };
}

const textOf = (options: JsonObject): string => Object.entries(options).map(([name, value]) => `${name}: ${spoken(value)}`).join(', ');
const spoken = (value: Json): string => (Array.isArray(value) ? `[${value.map((one: Json) => spoken(one)).join(', ')}]` : typeof value === 'object' && value !== null ? `{ ${textOf(value as JsonObject)} }` : String(value));
