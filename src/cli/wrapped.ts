import { screenWidth } from './plain-table';

/** Colours take no room on the screen. */
const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** A sentence broken at spaces to the screen, 80 columns where there is none, further lines under the first; what has no space stays whole, so that it can be copied. */
export function wrapped(text: string, lead = ''): string {
  const width = screenWidth();
  const indent = ' '.repeat(lead.replace(colour, '').length);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `${index === 0 ? lead : indent}${line}`).join('\n');
}
