/** Fields of `STRUCT(a INTEGER, "b c" STRUCT(d VARCHAR)[])`, as DuckDB writes the type; null: it is another type. */
export function fieldsOf(type: string): readonly { readonly name: string; readonly type: string }[] | null {
  if (!type.startsWith('STRUCT(') || !type.endsWith(')')) return null;
  return parted(type.slice('STRUCT('.length, -1)).map((field) => {
    const quoted = /^"((?:[^"]|"")*)" (.*)$/s.exec(field);
    if (quoted) return { name: quoted[1]!.replaceAll('""', '"'), type: quoted[2]! };
    const space = field.indexOf(' ');
    return { name: field.slice(0, space), type: field.slice(space + 1) };
  });
}

/** Splits at commas outside parentheses and quotes. */
function parted(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === '(' || character === '[')) depth += 1;
    else if (!quoted && (character === ')' || character === ']')) depth -= 1;
    else if (!quoted && depth === 0 && character === ',') {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...parts, text.slice(start).trim()].filter((part) => part !== '');
}
