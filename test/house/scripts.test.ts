import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const folder = path.join(root, 'scripts');
const installing = readdirSync(folder).filter((name) => name !== 'setup.mjs' && readFileSync(path.join(folder, name), 'utf8').includes('installDependencies()'));

/** Packages that a module and all it imports need before its first line runs. */
function packagesOf(file: string): readonly string[] {
  const named = [...readFileSync(file, 'utf8').matchAll(/^import .*?from '([^']+)';$/gm)].map((match) => match[1]!);
  return named.flatMap((name) => (name.startsWith('.') ? packagesOf(path.resolve(path.dirname(file), name)) : name.startsWith('node:') ? [] : [name]));
}

it.each(installing)('scripts/%s needs no package before it installs them', (name) => {
  expect(packagesOf(path.join(folder, name))).toEqual([]);
});
