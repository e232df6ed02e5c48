import { SaxesParser } from 'saxes';
import { Misfit } from './program';

type Node = Record<string, unknown>;
const deepest = 200;

/**
 * What stands in the root element: children by name without prefix, several of one name as a list, attributes as `@name`, text
 * beside them as `#text`; an element with text alone is that text. Entities of a document's own are not resolved.
 */
export function xmlTree(text: string): unknown {
  const parser = new SaxesParser();
  const open: { readonly name: string; readonly node: Node; text: string }[] = [];
  let root: unknown = null;
  const fail = (): never => { throw new Misfit('is not XML'); };
  parser.on('error', fail);
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length >= deepest) throw new Misfit(`has elements more than ${deepest} deep`);
    open.push({ name: local(name), text: '', node: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`@${local(key)}`, value])) });
  });
  const write = (piece: string): void => { if (open.length > 0) open.at(-1)!.text += piece; };
  parser.on('text', write);
  parser.on('cdata', write);
  parser.on('closetag', () => {
    const { name, node, text: inner } = open.pop()!;
    const value = valueOf(node, inner.trim());
    const parent = open.at(-1)?.node;
    if (parent) append(parent, name, value);
    else root = value;
  });
  parser.write(text).close();
  return root ?? fail();
}

function valueOf(node: Node, text: string): unknown {
  if (Object.keys(node).length === 0) return text === '' ? null : text;
  return text === '' ? node : { ...node, '#text': text };
}

function append(parent: Node, name: string, value: unknown): void {
  if (!Object.hasOwn(parent, name)) parent[name] = value;
  else if (Array.isArray(parent[name])) (parent[name] as unknown[]).push(value);
  else parent[name] = [parent[name], value];
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);
