// Writes pipelines/data/customers.csv: customers of a made-up shop, as typed in by people over the years. The same file each time.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

let seed = 20260801;
/** Park and Miller's generator: good enough for a file of examples, and the same everywhere. */
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const pick = (list) => list[Math.floor(random() * list.length)];

const first = ['Anna', 'Björn', 'Chiara', 'Daniel', 'Elif', 'François', 'Greta', 'Henrik', 'Inès', 'Jan', 'Katarzyna', 'Luca', 'Mária', 'Noah', 'Olga', 'Paul', 'Rosa', 'Søren', 'Teresa', 'Ugo'];
const last = ['Andersen', 'Bauer', 'Costa', 'Dubois', 'Eriksson', 'Fischer', 'García', 'Horváth', 'Ivanova', 'Jensen', 'Kowalska', 'Lehmann', 'Moreau', 'Novák', 'O\'Brien', 'Popescu', 'Rossi', 'Schmidt', 'Tóth', 'Weber'];
// A country in the ways people write it, its calling code, and a number in the ways people write those.
const countries = [
  { names: ['Germany', 'Deutschland', 'DE', 'germany '], code: '49', number: () => `30${digits(7)}` },
  { names: ['France', 'FR', 'FRANCE'], code: '33', number: () => `1${digits(8)}` },
  { names: ['Italy', 'Italia', 'IT'], code: '39', number: () => `06${digits(7)}` },
  { names: ['Austria', 'Österreich', 'AT'], code: '43', number: () => `1${digits(7)}` },
  { names: ['Poland', 'PL', 'Polska'], code: '48', number: () => `22${digits(7)}` },
];
const digits = (count) => Array.from({ length: count }, () => Math.floor(random() * 10)).join('');
const plain = (text) => text.normalize('NFD').replace(/[^A-Za-z]/g, '').toLowerCase();
const date = () => `${pick(['2019', '2021', '2023', '2025'])}-${String(1 + Math.floor(random() * 12)).padStart(2, '0')}-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`;

function customer(number) {
  const [given, family, country] = [pick(first), pick(last), pick(countries)];
  const local = country.number();
  const email = `${plain(given)}.${plain(family)}${number}@example.${pick(['com', 'org', 'net'])}`;
  return {
    customer_no: String(number), name: pick([`${given} ${family}`, `${given}  ${family} `, `${given.toUpperCase()} ${family.toUpperCase()}`]),
    email: pick([email, email.toUpperCase(), ` ${email}`]), phone: pick([`+${country.code} ${local}`, `+${country.code}-${local.slice(0, 3)}-${local.slice(3)}`, `00${country.code} ${local}`, '']),
    country: pick(country.names), credit_limit: pick(['500', '1000', '2500', '']), changed: date(),
  };
}

const rows = Array.from({ length: 240 }, (_unused, index) => customer(1001 + index));
// What went wrong over the years: each of these is set aside, and no other row is.
const broken = { 7: { email: 'anna.at.example.com' }, 23: { email: 'n/a' }, 41: { country: 'Atlantis' }, 58: { phone: '12' }, 77: { credit_limit: '1 thousand' }, 96: { email: 'rossi@@example.com' }, 120: { credit_limit: '-50' }, 151: { country: 'Yugoslavia, former' }, 180: { changed: '2023-02-30' }, 205: { customer_no: '' }, 222: { email: 'weber@example' , credit_limit: 'ask Paul' } };
for (const [index, values] of Object.entries(broken)) Object.assign(rows[index], values);
// Entered twice: the later one counts.
for (const index of [12, 64, 133, 199]) rows.push({ ...rows[index], credit_limit: '5000', changed: '2026-01-15' });

const columns = Object.keys(rows[0]);
const field = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
writeFileSync(path.join(root, 'pipelines/data/customers.csv'), [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => line.map(field).join(',')).join('\n') + '\n');
