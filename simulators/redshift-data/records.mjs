/** Records of CSV with the line each begins on: a line break inside quotes ends none. */
export function* recordsOf(text) {
  let [from, line, start, quoted] = [0, 1, 1, false];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') quoted = !quoted;
    if (text[at] !== '\n') continue;
    line += 1;
    if (quoted) continue;
    yield { line: start, text: text.slice(from, at) };
    [from, start] = [at + 1, line];
  }
  if (from < text.length) yield { line: start, text: text.slice(from) };
}
