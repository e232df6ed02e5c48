import { screenWidth } from './plain-table';

/** Colours take no room on the screen. */
const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** A text broken at spaces to the screen, 80 columns where there is none, further lines under the first, its own lines below each other; what has no space stays whole, so that it can be copied. */
export function wrapped(text: string, lead = ''): string {
  const [first = '', ...more] = text.split('\n');
  const indent = ' '.repeat(lead.replace(colour, '').length);
  return [broken(first, lead, indent), ...more.map((line) => broken(line, indent, `${indent}  `))].join('\n');
}

function broken(text: string, lead: string, indent: string): string {
  const width = screenWidth();
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `${index === 0 ? lead : indent}${line}`).join('\n');
}
