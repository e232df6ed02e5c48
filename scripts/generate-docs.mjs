// `node scripts/generate-docs.mjs`: writes docs/steps.md and docs/checks.md from the registries. With --check it only says whether they are in step.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { documents } = require('../lib/config/documents.js');
let stale = false;
for (const [name, text] of Object.entries(documents())) {
  const file = path.join(root, 'docs', name);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) { stale = true; console.error(`docs/${name} is not what the registry says; run "node scripts/generate-docs.mjs"`); }
}
process.exit(stale ? 1 : 0);
