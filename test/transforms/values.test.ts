import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ranOn, secrets, texts, useEngine } from '../support/chain';

/** What the steps make of single values: each line a step, what goes in, what comes out; null for a value that is set aside. */
const engine = useEngine();
const key = secrets.get('${env:KEY}')!;
const hmac = (text: string): string => createHmac('sha256', key).update(text).digest('hex');

const cases: readonly [step: string, given: readonly (string | null)[], expected: readonly (string | null)[], rejected?: readonly number[]][] = [
  ['normalize: { columns: [v], whitespace: collapse }', ['e\u0301', ' a \u00a0\tb\u200b\u0007 ', null, ''], ['é', 'a b', null, '']],
  ['normalize: { columns: [v], form: nfkc }', ['ﬁ１', null, 'x'], ['fi1', null, 'x']],
  ['normalize: { columns: [v], accents: strip }', ['Žluťoučký'], ['Zlutoucky']],
  ['parse_number: { columns: [v], locale: de, type: "DECIMAL(12,2)" }', ['1.234,50 €', '-7', '1.5', '1,234', '12 %', null, 'x', '1.234.567,8'], ['1234.50', '-7.00', '0.12', null, '1234567.80'], [2, 3, 6]],
  ['parse_number: { columns: [v], type: "DECIMAL(12,2)" }', ['(1,234.50)', '$ -5', '5-', '1,23', 'EUR 3.1', '--1', '(5', '.5', '99999999999'], ['-1234.50', '-5.00', '-5.00', '3.10', '0.50'], [3, 5, 6, 8]],
  ['parse_number: { columns: [v], locale: fr, type: BIGINT }', ['1 234 567', '1\u202f234', '12 34', '1,5'], ['1234567', '1234'], [2, 3]],
  ['parse_number: { columns: [v], locale: en-IN, type: BIGINT }', ['12,34,567'], ['1234567']],
  ['standardize: { columns: [v], as: email }', [' Ada@Example.ORG ', 'Ada <ada@b.co>', 'mailto:a.b@c.de', 'a@b', 'a..b@c.de', 'a b@c.de', null, ''], ['ada@example.org', 'ada@b.co', 'a.b@c.de', null], [3, 4, 5, 7]],
  ['standardize: { columns: [v], as: phone, country: DE }', ['030 / 123 456', '+49 (0)30 123456', '0043 1 12345678', '+1 (212) 555-0100', '+999 1', '12', 'call me'], ['+4930123456', '+4930123456', '+43112345678', '+12125550100'], [4, 5, 6]],
  ['standardize: { columns: [v], as: phone }', ['030 123456', '+39 06 6982'], ['+39066982'], [0]],
  ['standardize: { columns: [v], as: country, languages: [en, de] }', ['Deutschland', 'usa', 'the Netherlands', 'FRA', '276', 'Côte d’Ivoire', 'Atlantis', null], ['DE', 'US', 'NL', 'FR', 'DE', 'CI', null], [6]],
  ['standardize: { columns: [v], as: country, to: name }', ['DEU'], ['Germany']],
  ['standardize: { columns: [v], as: url, scheme: https, drop: [fragment] }', ['HTTP://Example.ORG:80/A?b=C#d', 'example.org', 'https://u@x.de:8443', 'ftp://', 'http://a b.de'], ['http://example.org/A?b=C', 'https://example.org/', 'https://u@x.de:8443/'], [3, 4]],
  ['encode: { columns: [v], as: base64 }', ['ü', null], ['w7w=', null]],
  ['encode: { columns: [v], as: hex, charset: windows-1252 }', ['ü€', 'я', null], ['fc80', null], [1]],
  ['encode: { columns: [v], as: url }', ['a b/ü'], ['a%20b%2F%C3%BC']],
  ['decode: { columns: [v], from: base64 }', ['w7w=', '/w==', '###', null], ['ü', null], [1, 2]],
  ['decode: { columns: [v], from: hex, charset: shift_jis }', ['83418343', '83', null], ['アイ', null], [1]],
  ['decode: { columns: [v], from: url }', ['a%20b', '100%', '%zz', '%c3%bc', '%ff'], ['a b', 'ü'], [1, 2, 4]],
  ['decompress: { columns: [v], from: base64 }', [gzipSync('hello').toString('base64'), 'aGVsbG8=', null], ['hello', null], [1]],
  ['decompress: { columns: [v], from: base64, max_bytes: 10 }', [gzipSync('0'.repeat(1000)).toString('base64')], [], [0]],
  ['mask: { columns: [v], with: hmac, key: "${env:KEY}" }', ['ada', 'ada', null], [hmac('ada'), hmac('ada'), null]],
  ['mask: { columns: [v], with: email, key: "${env:KEY}" }', ['Ada@B.org', 'ada@b.org', 'none'], [`${hmac('ada@b.org').slice(0, 16)}@b.org`, `${hmac('ada@b.org').slice(0, 16)}@b.org`, hmac('none').slice(0, 16)]],
  ['mask: { columns: [v], with: credit_card }', ['4111 1111 1111 1234', '1234', null], ['**** **** **** 1234', '****', null]],
  ['mask: { columns: [v], with: phone }', ['+49 30 1234567', '12'], ['+** ** *****67', '**']],
  // In a time that grows as the text does.
  ['mask: { columns: [v], with: phone }', ['4 '.repeat(100_000), '1-2x3 4é'], [`${'* '.repeat(99_998)}4 4 `, '*-**3 4*']],
  ['mask: { columns: [v], with: partial, first: 1, last: 2 }', ['secret!', 'abc', ''], ['s****t!', '***', '']],
  ['mask: { columns: [v], with: redact }', ['x', null], ['***', null]],
  ['mask: { columns: [v], with: null }', ['x'], [null]],
  ['hash: { columns: [v], to: v }', ['abc', null], ['ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', null]],
  ['hash: { columns: [v], to: v, algorithm: hmac_sha256, key: "${env:KEY}" }', ['abc'], [hmac('abc')]],
  ['resolve_choice: { column: v, type: BIGINT }', ['12', '1.5', 'x', null], ['12', null], [1, 2]],
  ['resolve_choice: { column: v, type: BIGINT, how: null }', ['12', 'x'], ['12', null]],
];

it.each(cases)('%s', async (step, given, expected, rejected: readonly number[] = []) => {
  const { rows, rejects } = await ranOn(engine.get(), `- ${step}`, texts(...given));
  expect(rows.map(({ v }) => v)).toEqual(expected);
  expect(rejects.map((text) => Number(text.split(':')[0]))).toEqual(rejected);
});

it('encrypts so that only the same key in a column of the same name decrypts', async () => {
  const back = (step: string): string => `- encrypt: { columns: [v], key: "\${env:KEY}" }\n- ${step}`;
  const same = await ranOn(engine.get(), back('decrypt: { columns: [v], key: "${env:KEY}" }'), texts('ada', '', null, 'ünï 😀'));
  expect(same.rows.map(({ v }) => v)).toEqual(['ada', '', null, 'ünï 😀']);
  for (const step of ['decrypt: { columns: [v], key: "${env:OTHER}" }', 'rename: { columns: { v: w } }\n- decrypt: { columns: [w], key: "${env:KEY}" }']) {
    const { rejects } = await ranOn(engine.get(), back(step), texts('ada', null));
    expect(rejects).toEqual([expect.stringContaining('does not decrypt with this key in this column')]);
  }
});

it('encrypts equal values alike only where that is asked for', async () => {
  const distinct = async (more: string) => new Set((await ranOn(engine.get(), `- encrypt: { columns: [v], key: "\${env:KEY}"${more} }`, texts('ada', 'ada'))).rows.map(({ v }) => v)).size;
  expect(await distinct('')).toBe(2);
  expect(await distinct(', deterministic: true')).toBe(1);
});

it('moves the dates of one person by one distance, and of another by another', async () => {
  const { rows } = await ranOn(engine.get(), '- mask: { columns: [day], with: date_shift, by: [who], key: "${env:KEY}", days: 100 }', "SELECT * FROM (VALUES ('a', DATE '2026-01-01'), ('a', DATE '2026-01-11'), ('b', DATE '2026-01-01'), ('c', NULL)) t(who, day)");
  const [first, second, other] = rows.map(({ day }) => Date.parse(String(day)) / 86_400_000);
  expect(second! - first!).toBe(10);
  expect(first).not.toBe(other);
  expect(Math.abs(first! - Date.parse('2026-01-01') / 86_400_000)).toBeLessThanOrEqual(100);
  expect(rows[3]).toMatchObject({ day: null });
});

it('makes numbers into steps without losing a digit', async () => {
  const { rows } = await ranOn(engine.get(), '- mask: { columns: [n], with: range, size: 10 }', "SELECT n::DECIMAL(20,2) AS n FROM (VALUES ('34.50'), ('-0.01'), ('90000000000000000.00'), (NULL), ('40')) t(n)");
  expect(rows.map(({ n }) => n)).toEqual(['[30, 40)', '[-10, 0)', '[90000000000000000, 90000000000000010)', null, '[40, 50)']);
});

it('keeps lists of values apart in a fingerprint', async () => {
  const { rows } = await ranOn(engine.get(), '- hash: { columns: [a, b], to: h }', "SELECT * FROM (VALUES ('x,', 'y'), ('x', ',y'), ('x', NULL), ('x', ''), ('x', NULL)) t(a, b)");
  expect(new Set(rows.map(({ h }) => h)).size).toBe(4);
});

it('calls a function of the user row by row, and sets aside what it throws or gives of another type', async () => {
  const { rows, rejects } = await ranOn(engine.get(), '- js: { file: functions/score.js, output: { score: INTEGER } }', "SELECT total::DECIMAL(30,2) AS total FROM (VALUES ('7.00'), (NULL), ('-1'), ('12345678901234567890.12')) t(total)");
  expect(rows).toEqual([{ total: '7.00', score: '7' }, { total: '12345678901234567890.12', score: '68' }]);
  expect(rejects).toEqual(['1: 1 js: total the function fails: has no total', '2: 1 js: total "score" is not a INTEGER']);
});

it('sets aside the row for which a function gives what cannot be written down, and goes on', async () => {
  const { rows, rejects } = await ranOn(engine.get(), '- js: { file: functions/odd.js, output: { x: VARCHAR } }', texts('circle', 'getter', 'nested', 'half', 'deep', 'signal', 'whole'));
  expect(rows).toEqual([{ v: 'whole', x: '😀' }]);
  const told = (reason: string) => expect.stringContaining(reason) as string;
  expect(rejects).toEqual([told('Converting circular'), told('"x" that cannot be written down: no'), told('BigInt'), told('lone surrogate'), told('lone surrogate'), told('signals are not sent')]);
});

it('gives a function no network', async () => {
  const { rows, rejects } = await ranOn(engine.get(), '- js: { file: functions/calls.js, output: { x: VARCHAR } }', texts('http', 'fetch', 'udp'));
  expect(rows).toEqual([]);
  expect(rejects).toEqual(Array.from({ length: 3 }, () => expect.stringContaining('there is no network') as string));
});

it.each([
  ['forever.js', 'took more than 0.5 s'], ['greedy.js', 'needs more than 40 MB'], ['nosy.js', 'the function fails'], ['missing.js', 'there is no file'], ['broken.js', 'loading "broken.js"'], ['leaves.js', 'must not end its process'],
])('ends a function that does not behave: %s', async (file, message) => {
  const ran = ranOn(engine.get(), `- js: { file: functions/${file}, output: { v: VARCHAR }, memory_mb: 40, seconds_per_row: ${file === 'forever.js' ? 0.5 : 60} }`, texts('x', 'y'));
  if (file === 'nosy.js') expect((await ran).rejects).toEqual([expect.stringContaining('Access'), expect.stringContaining('Access')]);
  else await expect(ran).rejects.toThrow(message);
});
