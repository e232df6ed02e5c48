import { deflateRawSync, gzipSync } from 'node:zlib';
import { ranOn, useEngine, type Ran } from '../support/chain';

/** What the steps make of rows: which stay, which are made, which are set aside, and that the balance says so. */
const engine = useEngine();
const run = (yaml: string, select: string, other?: string): Promise<Ran> => ranOn(engine.get(), yaml, select, other);
const valuesOf = ({ rows }: Ran, ...names: readonly string[]) => rows.map((row) => names.map((name) => row[name]));

const airports = "SELECT * FROM (VALUES ('a', 'Aachen', DATE '2026-01-01'), ('b', 'Bonn', DATE '2026-01-01'), ('b', 'Berlin', DATE '2026-02-01')) t(iata, city, since)";
const flights = "SELECT * FROM (VALUES (1, 'a', DATE '2026-01-15'), (2, 'b', DATE '2026-01-15'), (3, 'b', DATE '2026-03-01'), (4, 'x', DATE '2026-01-15'), (5, NULL, DATE '2026-01-15'), (6, 'a', DATE '2025-01-01')) t(id, origin, day)";

describe('lookup', () => {
  it('never makes more rows, and sets aside a key that is there several times', async () => {
    const ran = await run('- lookup: { file: x.csv, on: { origin: iata }, columns: [city] }', flights, airports);
    expect(valuesOf(ran, 'id', 'city')).toEqual([['1', 'Aachen'], ['4', null], ['5', null], ['6', 'Aachen']]);
    expect(ran.rejects).toEqual(['1: 1 lookup: origin is there several times in the table looked up', '2: 1 lookup: origin is there several times in the table looked up']);
  });
  it('takes the first by order_by, and a default or an error for keys that are not there', async () => {
    const step = (more: string): string => `- lookup: { file: x.csv, on: { origin: iata }, columns: [city], order_by: since desc, ${more} }`;
    expect(valuesOf(await run(step('on_miss: default, default: { city: nowhere }'), flights, airports), 'city')).toEqual([['Aachen'], ['Berlin'], ['Berlin'], ['nowhere'], ['nowhere'], ['Aachen']]);
    expect((await run(step('on_miss: error'), flights, airports)).rejects).toEqual(['3: 1 lookup: origin is not in the table looked up', '4: 1 lookup: origin is not in the table looked up']);
  });
  it('finds a number by its text', async () => {
    expect(valuesOf(await run('- lookup: { file: x.csv, on: { k: n }, columns: [v] }', "SELECT '7' AS k", 'SELECT 7 AS n, 1.5 AS v'), 'v')).toEqual([['1.5']]);
  });
});

describe('join', () => {
  it('counts what it makes and what it leaves out', async () => {
    const ran = await run('- join: { file: x.csv, on: { origin: iata }, columns: [city], type: inner }', flights, airports);
    expect(ran.rows).toHaveLength(6);
    expect(ran.lines).toMatchObject([{ in: 6, created: 2, filtered: 2, out: 6 }]);
  });
  it('as of a time takes the latest row that is not later', async () => {
    const ran = await run('- join: { file: x.csv, on: { origin: iata }, columns: [city], as_of: { ours: day, theirs: since }, type: inner }', flights, airports);
    expect(valuesOf(ran, 'id', 'city')).toEqual([['1', 'Aachen'], ['2', 'Bonn'], ['3', 'Berlin']]);
    expect(ran.lines).toMatchObject([{ in: 6, created: 0, filtered: 3, out: 3 }]);
  });
  it('sets aside rows without a match where that is an error', async () => {
    const ran = await run('- join: { file: x.csv, on: { origin: iata }, columns: [city], on_miss: error }', flights, airports);
    expect(ran.rejects).toEqual(['3: 1 join: origin has no match in the other table', '4: 1 join: origin has no match in the other table']);
    expect(ran.lines).toMatchObject([{ in: 6, created: 2, rejected: 2, out: 6 }]);
  });
});

it('window keeps every row and goes by source order within ties', async () => {
  const ran = await run('- window: { partition_by: [g], order_by: d, columns: { n: "row_number()", so_far: "sum(x)", before: "lag(x)" } }', "SELECT * FROM (VALUES ('a', 2, 1), ('a', 1, 10), ('b', 1, 5), ('a', 1, 100)) t(g, d, x)");
  expect(valuesOf(ran, 'x', 'n', 'so_far', 'before')).toEqual([['1', '3', '111', '100'], ['10', '1', '10', null], ['5', '1', '5', null], ['100', '2', '110', '10']]);
});

describe('outliers', () => {
  const rows = 'SELECT * FROM (VALUES (1), (2), (3), (2), (1), (1000), (NULL)) t(x)';
  it.each([
    ['iqr', 'flag', [['1', 'false'], ['2', 'false'], ['3', 'false'], ['2', 'false'], ['1', 'false'], ['1000', 'true'], [null, 'false']]],
    ['mad', 'null', [['1'], ['2'], ['3'], ['2'], ['1'], [null], [null]]],
    ['iqr', 'cap', [['1'], ['2'], ['3'], ['2'], ['1'], ['5'], [null]]],
    ['mad', 'remove', [['1'], ['2'], ['3'], ['2'], ['1'], [null]]],
  ])('%s, %s', async (method, action, expected) => {
    expect(valuesOf(await run(`- outliers: { columns: [x], method: ${method}, action: ${action} }`, rows), 'x', ...(action === 'flag' ? ['x_outlier'] : []))).toEqual(expected);
  });
  it('are judged by zscore within groups, and never where all values are equal', async () => {
    const ran = await run('- outliers: { columns: [x], method: zscore, threshold: 1.2, action: flag, group_by: [g] }', "SELECT * FROM (VALUES ('a', 1.0), ('a', 1.0), ('a', 9.0), ('b', 9.0), ('b', 9.0)) t(g, x)");
    expect(valuesOf(ran, 'x_outlier')).toEqual([['false'], ['false'], ['false'], ['false'], ['false']]);
    expect(valuesOf(await run('- outliers: { columns: [x], method: zscore, threshold: 1, action: flag }', 'SELECT * FROM (VALUES (1.0), (1.0), (1.0), (9.0)) t(x)'), 'x_outlier').at(-1)).toEqual(['true']);
  });
  it('refuse text', () => expect(run('- outliers: { columns: [x] }', "SELECT 'a' AS x")).rejects.toThrow('must be a number'));
});

describe('fill_missing', () => {
  const rows = "SELECT * FROM (VALUES ('a', 1, 10.0), ('a', 2, NULL), ('a', 4, 40.0), ('b', 1, NULL), ('b', 2, 7.0), ('a', 5, NULL)) t(g, t, x)";
  it.each([
    ['with: previous, group_by: [g], order_by: t', ['10.0', '10.0', '40.0', null, '7.0', '40.0']],
    ['with: next, group_by: [g], order_by: t', ['10.0', '40.0', '40.0', '7.0', '7.0', null]],
    ['with: previous, order_by: t desc, group_by: [g]', ['10.0', '40.0', '40.0', '7.0', '7.0', null]],
    ['with: interpolate, group_by: [g], order_by: t', ['10.0', '20.0', '40.0', null, '7.0', null]],
    ['with: mean, group_by: [g]', ['10.0', '25.0', '40.0', '7.0', '7.0', '25.0']],
    ['with: mode', ['10.0', '7.0', '40.0', '7.0', '7.0', '7.0']],
  ])('%s', async (options, expected) => {
    expect(valuesOf(await run(`- fill_missing: { columns: [x], ${options} }`, rows), 'x').flat()).toEqual(expected);
  });
  it('takes a value from another table by its key', async () => {
    const ran = await run('- fill_missing: { columns: [x], with: lookup, file: y.csv, on: { g: k } }', rows, "SELECT 'a' AS k, 99 AS x");
    expect(valuesOf(ran, 'x').flat()).toEqual(['10.0', '99.0', '40.0', null, '7.0', '99.0']);
  });
});

describe('pivot and unpivot', () => {
  const sales = "SELECT * FROM (VALUES ('n', 'q1', 1), ('n', 'q2', 2), ('s', 'q1', 3), ('s', 'q1', 4), (NULL, 'q9', 5)) t(region, quarter, n)";
  it('makes rows into columns and sets aside a name that is not listed', async () => {
    const ran = await run('- pivot: { by: [region], names_from: quarter, values: [q1, q2], values_from: n, measure: sum }', sales);
    expect(ran.rows).toEqual([{ region: 'n', q1: '1', q2: '2' }, { region: 's', q1: '7', q2: null }]);
    expect(ran.rejects).toEqual(['4: 1 pivot: quarter is not among the values of pivot']);
    expect(ran.lines).toMatchObject([{ in: 5, rejected: 1, aggregated: 2, out: 2 }]);
  });
  it('takes the last in source order, and keeps a group of other names where they are ignored', async () => {
    expect((await run('- pivot: { by: [region], names_from: quarter, values: [q1], values_from: n, measure: last, others: ignore }', sales)).rows).toEqual([{ region: 'n', q1: '1' }, { region: 's', q1: '4' }, { region: null, q1: null }]);
  });
  it('makes columns into rows and counts the rows without any value', async () => {
    const ran = await run('- unpivot: { columns: [a, b] }', 'SELECT * FROM (VALUES (1, 10, NULL), (2, 20, 21), (3, NULL, NULL)) t(id, a, b)');
    expect(valuesOf(ran, 'id', 'name', 'value').map(String).sort()).toEqual(['1,a,10', '2,a,20', '2,b,21']);
    expect(ran.lines).toMatchObject([{ in: 3, created: 1, filtered: 1, out: 3 }]);
  });
});

describe('explode and flatten', () => {
  it('makes a row of each element, and keeps or leaves out rows without any', async () => {
    const rows = "SELECT * FROM (VALUES (1, ['a', 'b']), (2, []), (3, NULL), (4, [NULL, 'c'])) t(id, tags)";
    const kept = await run('- explode: { column: tags, to: tag, index: n }', rows);
    expect(valuesOf(kept, 'id', 'tag', 'n')).toEqual([['1', 'a', '1'], ['1', 'b', '2'], ['2', null, null], ['3', null, null], ['4', null, '1'], ['4', 'c', '2']]);
    const dropped = await run('- explode: { column: tags, empty: drop }', rows);
    expect(dropped.lines).toMatchObject([{ in: 4, created: 2, filtered: 2, out: 4 }]);
  });
  it('takes a JSON list for one and sets aside text that is none', async () => {
    const ran = await run('- explode: { column: v }', `SELECT * FROM (VALUES (1, '["a", 2, null]'), (2, 'x'), (3, NULL), (4, '[]')) t(id, v)`);
    expect(valuesOf(ran, 'id', 'v')).toEqual([['1', 'a'], ['1', '2'], ['1', null], ['3', null], ['4', null]]);
    expect(ran.rejects).toEqual(['1: 1 explode: v is not a JSON list']);
  });
  it('opens records to a depth and refuses what is none', async () => {
    const rows = "SELECT {'a': 1, 'b': {'c': 'x', 'd e': NULL::DATE}} AS r";
    expect((await run('- flatten: { columns: [r] }', rows)).columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['r_a INTEGER', 'r_b_c VARCHAR', 'r_b_d e DATE']);
    expect((await run('- flatten: { columns: [r], depth: 1, separator: "." }', rows)).columns.map(({ name }) => name)).toEqual(['r.a', 'r.b']);
    await expect(run('- flatten: { columns: [v] }', "SELECT 'x' AS v")).rejects.toThrow('not a record');
  });
});

describe('split', () => {
  it('parts text into columns, the rest into the last or set aside', async () => {
    const names = "SELECT * FROM (VALUES ('Ada Lovelace'), ('Ada'), ('Ada King Lovelace'), (NULL)) t(v)";
    expect((await run('- split: { column: v, by: " ", into: [a, b] }', names)).rejects).toEqual(['2: 1 split: v has more than 2 parts']);
    expect((await run('- split: { column: v, by: " ", into: [a, b], extra: merge }', names)).rows).toEqual([{ a: 'Ada', b: 'Lovelace' }, { a: 'Ada', b: null }, { a: 'Ada', b: 'King Lovelace' }, { a: null, b: null }]);
  });
  it('makes a list, which explode takes', async () => {
    expect(valuesOf(await run('- split: { column: v, by: ",\\\\s*|;", regex: true }\n- explode: { column: v }', "SELECT 'a, b;c' AS v"), 'v').flat()).toEqual(['a', 'b', 'c']);
  });
});

describe('parse', () => {
  const one = (value: string): string => `SELECT '${value.replaceAll("'", "''")}' AS v`;
  it.each([
    ['json', 'id: { path: "o.id", type: BIGINT }, first: { path: "o.l[0]" }, o: JSON', '{"o": {"id": 9223372036854775807, "l": ["x", 1]}}', { id: '9223372036854775807', first: 'x', o: '{"id":9223372036854775807,"l":["x",1]}' }],
    ['json', 'n: "DECIMAL(38,9)", s: VARCHAR', '{"n": 12345678901234567890.123456789, "s": "1.50 and 12345678901234567890.5"}', { n: '12345678901234567890.123456789', s: '1.50 and 12345678901234567890.5' }],
    ['xml', 'id: { path: "@id", type: INTEGER }, who: { path: "c:who.name" }, second: { path: "item[1]" }, price: { path: "item[0]", type: VARCHAR }', '<o id="7"><x:who xmlns:x="u"><name>A &amp; B</name></x:who><item><![CDATA[<1>]]></item><item>two</item></o>', { id: '7', who: null, second: 'two', price: '<1>' }],
    ['csv', 'a: VARCHAR, b: INTEGER, c: VARCHAR', '"x, ""y""",2,', { a: 'x, "y"', b: '2', c: null }],
    ['url', 'host: VARCHAR, port: INTEGER, q: { path: "query.q" }, fragment: VARCHAR', 'https://u@ex.org:81/p?x=1&q=a+b%20c', { host: 'ex.org', port: '81', q: 'a b c', fragment: null }],
    ['logfmt', 'level: VARCHAR, msg: VARCHAR, n: INTEGER, debug: BOOLEAN', 'level=info msg="said \\"hi\\"" n=3 debug', { level: 'info', msg: 'said "hi"', n: '3', debug: 'true' }],
  ])('%s: { %s }', async (format, fields, text, expected) => {
    expect((await run(`- parse: { column: v, format: ${format}, fields: { ${fields} } }`, one(text))).rows).toEqual([expected]);
  });
  it('grok: all fields of a pattern, or those named, and a line that does not match or has another type is set aside', async () => {
    const lines = "SELECT * FROM (VALUES ('id=7 took 1.5ms'), ('id=99999999999999999999 took -ms'), ('nothing'), (NULL)) t(v)";
    const pattern = 'pattern: "id=%{ID:id:int} took (?:%{NUMBER:took}|-)ms", patterns: { ID: "\\\\d+" }';
    expect(await run(`- parse: { column: v, format: grok, ${pattern} }`, lines)).toMatchObject({
      rows: [{ id: '7', took: '1.5' }, { id: null, took: null }], rejects: ['1: 1 parse: v has a "id" that is not a BIGINT', '2: 1 parse: v does not match the pattern'],
    });
    expect((await run(`- parse: { column: v, format: grok, ${pattern}, fields: { ms: { path: took, type: VARCHAR } }, keep: true, on_error: null }`, lines)).rows[0]).toEqual({ v: 'id=7 took 1.5ms', ms: '1.5' });
    await expect(run(`- parse: { column: v, format: grok, ${pattern}, fields: { other: VARCHAR } }`, lines)).rejects.toThrow(/it has no field .{1,4}other.{1,4}; its fields are id, took/);
    await expect(run('- parse: { column: v, format: json, pattern: x, fields: { a: VARCHAR } }', lines)).rejects.toThrow('go together');
  });
  it.each([
    ['json', '{"a": }', 'v is not JSON'], ['json', '{"a": "x"}', 'v has a "a" that is not a INTEGER'], ['xml', '<a><b></a>', 'v is not XML'], ['csv', '1,2', 'v is no CSV line of 1 fields'],
    ['url', 'nowhere', 'v is no URL'], ['logfmt', '= =', 'v is not made of key=value'],
  ])('sets aside text that is not %s: %s', async (format, text, reason) => {
    const field = format === 'url' ? 'port' : 'a';
    const { rejects, rows } = await run(`- parse: { column: v, format: ${format}, fields: { ${field}: INTEGER } }`, `${one(text)} UNION ALL SELECT NULL`);
    expect(rejects).toEqual([expect.stringContaining(reason)]);
    expect(rows).toEqual([{ [field]: null }]);
  });
});

it('opens archives into rows', async () => {
  const tar = (): Buffer => {
    const header = Buffer.alloc(512);
    header.write('a.txt'); header.write('0000644\0', 100); header.write('00000000002\0', 124); header.write('        ', 148); header.write('0', 156); header.write('ustar\0' + '00', 257);
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([header, Buffer.from('hi'.padEnd(512, '\0')), Buffer.alloc(1024)]);
  };
  const ran = await run('- unarchive: { column: v, format: tar_gz, from: base64 }\n- explode: { column: v }\n- flatten: { columns: [v], prefix: false }', `SELECT '${gzipSync(tar()).toString('base64')}' AS v`);
  expect(ran.rows).toEqual([{ name: 'a.txt', content: 'hi' }]);
  const zip = await run('- unarchive: { column: v, from: base64 }\n- explode: { column: v }', `SELECT '${zipOf('b.txt', 'yes').toString('base64')}' AS v UNION ALL SELECT 'AAAA'`);
  expect(zip.rows).toEqual([{ v: '{"name":"b.txt","content":"yes"}' }]);
  expect(zip.rejects).toEqual(['1: 1 unarchive: v is not zip']);
});

/** A ZIP file with one entry. */
function zipOf(name: string, content: string): Buffer {
  const body = deflateRawSync(content);
  const { crc32 } = jest.requireActual<{ crc32(data: string): number }>('node:zlib');
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0); fields.writeUInt16LE(8, 4); fields.writeUInt32LE(crc32(content), 10); fields.writeUInt32LE(body.length, 14); fields.writeUInt32LE(content.length, 18); fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), body]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), fields, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06'); end.writeUInt16LE(1, 8); end.writeUInt16LE(1, 10); end.writeUInt32LE(central.length, 12); end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
