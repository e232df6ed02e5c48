import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { Problem } from './problems';

export type Path = readonly (string | number)[];

/** A YAML text as plain values, with the place of each. */
export interface YamlFile {
  readonly content: unknown;
  readonly syntaxProblems: readonly Problem[];
  /** Whether something is written at that path. */
  has(path: Path): boolean;
  /** What is written at that path as JSON, numbers digit for digit. */
  json(path: Path): string;
  /** A problem at the word itself (`key`) or at what follows it (`value`); where the path is not written, at its nearest written parent. */
  problem(path: Path, message: string, at?: 'key' | 'value'): Problem;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const placed = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const syntaxProblems = document.errors.map((error): Problem => ({ ...placed(error.pos[0]), path: '', message: error.message }));
  return {
    syntaxProblems,
    content: syntaxProblems.length > 0 ? null : document.toJS({ maxAliasCount: 100 }),
    json: (path) => jsonOf(document, follow(document, path).value),
    has: (path) => follow(document, path).depth === path.length,
    problem: (path, message, at = 'key') => {
      const { key, value } = follow(document, path);
      const node = (at === 'value' ? value : key) ?? value ?? key ?? document.contents;
      return { ...placed(node?.range?.[0] ?? 0), path: pathText(path), message };
    },
  };
}

interface Place {
  readonly key: Node | null;
  readonly value: Node | null;
  /** How much of the path is written. */
  readonly depth: number;
}

function follow(document: Document, path: Path): Place {
  let place: Place = { key: null, value: document.contents as Node | null, depth: 0 };
  for (const segment of path) {
    const next = childOf(document, place.value, segment);
    if (!next) return place;
    place = { ...next, depth: place.depth + 1 };
  }
  return place;
}

function childOf(document: Document, parent: Node | null, segment: string | number): Omit<Place, 'depth'> | null {
  const node = isAlias(parent) ? (parent.resolve(document) ?? null) : parent;
  if (isSeq(node)) {
    const item = node.items[Number(segment)];
    return isNode(item) ? { key: item, value: item } : null;
  }
  if (!isMap(node)) return null;
  const pair = node.items.find((item) => isPair(item) && String(item.key) === String(segment));
  return pair ? { key: isNode(pair.key) ? pair.key : null, value: isNode(pair.value) ? pair.value : null } : null;
}

const numberText = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function jsonOf(document: Document, node: Node | null): string {
  if (isAlias(node)) return jsonOf(document, node.resolve(document) ?? null);
  if (isSeq(node)) return `[${node.items.map((item) => jsonOf(document, item as Node)).join(',')}]`;
  if (isMap(node)) return `{${node.items.map((pair) => `${JSON.stringify(String(pair.key))}:${jsonOf(document, pair.value as Node | null)}`).join(',')}}`;
  if (!isScalar(node)) return 'null';
  const { value, source } = node;
  // A number with a leading zero or plus, or none that JSON has, stays the text that it is.
  if (typeof value === 'number' || typeof value === 'bigint') return source !== undefined && numberText.test(source) ? source : JSON.stringify(source ?? String(value));
  return JSON.stringify(value ?? null);
}

/** `streams[0].steps[2].trim` */
export const pathText = (path: Path): string =>
  path.map((segment, index) => (typeof segment === 'number' ? `[${segment}]` : index === 0 ? segment : `.${segment}`)).join('');
