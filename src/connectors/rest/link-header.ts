/**
 * Address of the link with the relation `next`, of a header as RFC 8288 writes it: `<https://…?a=b,c>; title="a; b, \"c\""; rel="prev next", <…>; …`.
 * Parameters in any order, with quotes, with a star, or without a value; null: there is none.
 */
export function nextLink(header: string): string | null {
  for (const { target, parameters } of linksIn(header)) {
    const rel = parameters.find(([name]) => name === 'rel')?.[1];
    if (rel?.toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return null;
}

interface Link { readonly target: string; readonly parameters: readonly (readonly [string, string])[] }

const target = /[\s,]*<([^>]*)>/y;
const parameter = /\s*;\s*(?:([^\s;,="<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?/y;

function* linksIn(header: string): Generator<Link> {
  for (let at = 0; ;) {
    target.lastIndex = at;
    const found = target.exec(header);
    if (!found) return;
    at = target.lastIndex;
    const parameters: [string, string][] = [];
    for (let match: RegExpExecArray | null; (parameter.lastIndex = at, match = parameter.exec(header)); at = parameter.lastIndex) {
      const [, name, quoted, plain] = match;
      if (name !== undefined) parameters.push([name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']);
    }
    yield { target: found[1]!.trim(), parameters };
  }
}
