import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { allOf, commandsDocument, pathOf } from '../../src/cli/commands-document';
import { createProgram } from '../../src/client';

const program = () => createProgram(() => undefined);
const file = path.resolve(__dirname, '../../docs/commands.md');

it.each(allOf(program()).map((command) => [pathOf(command), command] as const))('%s has a summary, an example and --json', (_name, command) => {
  expect(command.description()).not.toBe('');
  const help = commandsDocument(program()).split(`## ${pathOf(command)}\n`)[1]!.split('\n## ')[0]!;
  expect(help).toContain('Example:\n  ');
  expect(help).toContain('--json');
  expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

it('docs/commands.md says what the program says', () => {
  const text = commandsDocument(program());
  if (process.env['UPDATE_DOCS']) writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
});
