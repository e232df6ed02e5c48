import { csvRule } from '../formats/csv-rule';
import { exactJson } from './exact-json';
import { Misfit, type ProgramSetup, type RowFunction } from './program';
import { xmlTree } from './xml-tree';

interface Field {
  readonly path: string;
  readonly json: boolean;
  readonly outputs: readonly string[];
}

/** Text of one value into fields by path. Numbers stay the text they are. */
export function parse({ settings }: ProgramSetup): RowFunction {
  const fields = settings['fields'] as unknown as readonly Field[];
  const read = reader(String(settings['format']), String(settings['separator']), fields.length);
  const paths = fields.map(({ path }, index) => (settings['format'] === 'csv' ? [String(index)] : settings['format'] === 'logfmt' ? [path] : segmentsOf(path)));
  return ({ text }) => {
    if (text === null) return {};
    const tree = read(String(text));
    return Object.fromEntries(fields.flatMap(({ outputs, json }, index) => {
      const value = at(tree, paths[index]!);
      const given = json ? value : plain(value);
      return outputs.map((name) => [name, given ?? null]);
    }));
  };
}

/** A record where a single value is asked for: its own text where it has one, else it as JSON. */
const plain = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const text = (value as Record<string, unknown>)['#text'];
  return typeof text === 'string' ? text : JSON.stringify(value);
};

function reader(format: string, separator: string, fields: number): (text: string) => unknown {
  switch (format) {
    case 'json': return exactJson;
    case 'xml': return xmlTree;
    case 'logfmt': return logfmt;
    default: return csvLine(separator, fields);
  }
}

const segmentsOf = (path: string): readonly string[] => [...path.matchAll(/[^.[\]]+/g)].map(([segment]) => segment);

const at = (tree: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, segment) => (typeof value === 'object' && value !== null && Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined), tree);

function csvLine(delimiter: string, columns: number): (text: string) => unknown {
  return (text) => {
    const bytes = Buffer.from(`${text}\n`);
    const found = csvRule({ delimiter, quote: '"', escape: '"', nulls: [''], columns })(bytes, 0, true);
    if (!found || found.problem !== null || found.end < bytes.length) throw new Misfit(found?.problem ? `is no CSV line of ${columns} fields: ${found.problem}` : `is no CSV line of ${columns} fields`);
    return found.fields;
  };
}

const pair = /\s*([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)/y;

/** A key without a value is true; the first of several counts. */
function logfmt(text: string): unknown {
  const values: Record<string, unknown> = {};
  const line = text.trimEnd();
  pair.lastIndex = 0;
  while (pair.lastIndex < line.length) {
    const found = pair.exec(line);
    if (!found) throw new Misfit('is not made of key=value');
    const [whole, key, quoted, bare] = found;
    if (!Object.hasOwn(values, key!)) values[key!] = quoted !== undefined ? quoted.replace(/\\(.)/g, (_, sign: string) => ({ n: '\n', t: '\t' })[sign] ?? sign) : whole!.includes('=') ? bare || null : 'true';
  }
  return values;
}
