// `node scripts/generate-tables.mjs`: writes the small tables of the step `standardize` from the libraries that maintain them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './setup.mjs';

const packages = ['libphonenumber-js@1.13.16', 'i18n-iso-countries@7.14.0'];
const folder = mkdtempSync(path.join(tmpdir(), 'millrace-tables-'));
writeFileSync(path.join(folder, 'package.json'), '{}');
const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', ...packages], { cwd: folder, stdio: 'inherit' });
if (installed.status !== 0) process.exit(1);
const require = createRequire(path.join(folder, 'index.js'));

const phones = require('libphonenumber-js/metadata.min.json');
const iso = require('i18n-iso-countries');
const english = require('i18n-iso-countries/langs/en.json').countries;

/** [4, 5, 6, 10] → `4-6,10` */
const ranges = (numbers) => {
  const parts = [];
  for (const number of [...new Set(numbers)].sort((left, right) => left - right)) {
    const last = parts.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
};
const text = (value) => `'${value.replaceAll("'", "\\'")}'`;
const write = (name, of, comment, lines) => writeFileSync(path.join(root, 'src/transforms/tables', name),
  `/** ${comment} Written by scripts/generate-tables.mjs from ${of}; do not edit. */\n${lines.join('\n')}\n`);

const countries = Object.entries(phones.countries).filter(([code]) => /^[A-Z]{2}$/.test(code)).sort();
const lengths = new Map();
for (const [, [code, , , possible]] of [...countries, ...Object.entries(phones.nonGeographic).map(([code, rest]) => [code, [code, ...rest.slice(1)]])]) lengths.set(code, [...(lengths.get(code) ?? []), ...possible]);
write('phone-codes.ts', 'libphonenumber-js (MIT)', 'Calling codes.', [
  '/** Calling code → how many digits may follow it: `4-6,10`. */',
  `export const phoneLengths: Readonly<Record<string, string>> = {\n${[...lengths].sort().map(([code, possible]) => `  ${text(code)}: ${text(ranges(possible))},`).join('\n')}\n};`,
  '', '/** Country → calling code and the digits dialled before a national number; `-` where there are none. */',
  `export const phoneCountries: Readonly<Record<string, readonly [code: string, prefix: string]>> = {\n${countries.map(([name, row]) => `  ${name}: [${text(row[0])}, ${text(typeof row[5] === 'string' ? row[5] : '-')}],`).join('\n')}\n};`,
]);

const names = Object.entries(iso.getAlpha2Codes()).sort();
write('countries.ts', 'i18n-iso-countries (MIT)', 'ISO 3166-1.', [
  'export interface Country {\n  readonly alpha2: string;\n  readonly alpha3: string;\n  readonly numeric: string;\n  /** English, the usual one first. */\n  readonly names: readonly string[];\n}',
  '', 'const rows: readonly (readonly [alpha2: string, alpha3: string, numeric: string, names: string])[] = [',
  ...names.map(([alpha2, alpha3]) => `  [${text(alpha2)}, ${text(alpha3)}, ${text(iso.alpha2ToNumeric(alpha2))}, ${text([english[alpha2] ?? alpha2].flat().join('|'))}],`),
  '];', '', 'export const countries: readonly Country[] = rows.map(([alpha2, alpha3, numeric, names]) => ({ alpha2, alpha3, numeric, names: names.split(\'|\') }));',
]);
rmSync(folder, { recursive: true, force: true });
