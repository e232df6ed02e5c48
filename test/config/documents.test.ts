import { readFileSync } from 'node:fs';
import path from 'node:path';
import { documents } from '../../src/config/documents';
import { checks } from '../../src/checks/registry';
import { steps } from '../../src/transforms/registry';

const pages = documents();

it.each(Object.entries(pages))('docs/%s is what the registry says', (name, text) => {
  expect(readFileSync(path.resolve(__dirname, '../../docs', name), 'utf8')).toBe(text);
});

it('has a section for every step and every check', () => {
  for (const { name } of steps) expect(pages['steps.md']).toContain(`\n## ${name}\n`);
  for (const { name } of checks) expect(pages['checks.md']).toContain(`\n## ${name}\n`);
});
