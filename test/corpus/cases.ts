import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';

/** A nasty file and what must come of it: its rows, and the lines that are set aside, or why it is refused as a whole. */
export interface Case {
  readonly name: string;
  readonly file: string;
  readonly content: string | Buffer;
  /** Words of the stream, in YAML flow style. */
  readonly words?: string;
  /** Rows as `column=value` texts, NULL left out. */
  readonly rows?: readonly string[];
  /** Lines of the rejects. */
  readonly rejects?: readonly (number | null)[];
  readonly refused?: RegExp;
}

const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const utf16 = (text: string, mark = true): Buffer => Buffer.from(`${mark ? '\uFEFF' : ''}${text}`, 'utf16le');
const big = (text: Buffer): Buffer => Buffer.from(text).swap16();
const csv = (name: string, content: string | Buffer, more: Omit<Case, 'name' | 'file' | 'content'>): Case => ({ name: `CSV: ${name}`, file: 'f.csv', content, ...more });
const of = (format: string, name: string, content: string | Buffer, more: Omit<Case, 'name' | 'file' | 'content'> & { file?: string }): Case => ({ name: `${format}: ${name}`, file: more.file ?? `f.${format}`, content, ...more });

const csvCases: readonly Case[] = [
  csv('empty', '', { refused: /none of its 1 files has a column/ }),
  csv('a header alone', 'id,name\n', { rows: [] }),
  csv('a header without a line break', 'id,name', { rows: [] }),
  csv('no line break at the end', 'id,name\n1,a', { rows: ['id=1 name=a'] }),
  csv('blank lines', '\n\nid,name\n\n1,a\n\n\n2,b\n\n', { rows: ['id=1 name=a', 'id=2 name=b'] }),
  csv('CR LF', 'id,name\r\n1,a\r\n2,b\r\n', { rows: ['id=1 name=a', 'id=2 name=b'] }),
  csv('CR alone', 'id,name\r1,a\r2,b\r', { rows: ['id=1 name=a', 'id=2 name=b'] }),
  csv('line breaks of two kinds', 'id,name\n1,a\r\n2,b\n', { rows: ['id=1 name=a', 'id=2 name=b'] }),
  csv('a carriage return inside a value', 'id,name\n1,a\rb\n2,c\n', { rows: ['id=2 name=c'], rejects: [2] }),
  csv('a byte order mark', '\uFEFFid,name\n1,a\n', { rows: ['id=1 name=a'] }),
  csv('a byte order mark and a quoted header', '\uFEFF"id","name"\n1,a\n', { rows: ['id=1 name=a'] }),
  csv('UTF-16 little-endian', utf16('id,name\n1,\u00fcber \ud83d\ude00\n'), { rows: ['id=1 name=\u00fcber \ud83d\ude00'] }),
  csv('UTF-16 big-endian', big(utf16('id,name\n1,\u00fc\n')), { rows: ['id=1 name=\u00fc'] }),
  csv('UTF-16 without a mark', utf16('id,name\n1,abc\n2,def\n', false), { rows: ['id=1 name=abc', 'id=2 name=def'] }),
  csv('UTF-16 with half a character', Buffer.concat([utf16('id,name\n1,a'), bytes(0x00, 0xd8), utf16('\n2,b\n', false)]), { rows: ['id=2 name=b'], rejects: [2] }),
  csv('UTF-16 of an odd number of bytes', Buffer.concat([utf16('id,name\n1,a\n2,b'), bytes(0x41)]), { rows: ['id=1 name=a'], rejects: [3] }),
  csv('latin-1', latin('id,name\n1,M\u00fcller\n2,Jos\u00e9\n'), { rows: ['id=1 name=M\u00fcller', 'id=2 name=Jos\u00e9'] }),
  csv('windows-1252, told', Buffer.concat([Buffer.from('id,price\n1,'), bytes(0x80), Buffer.from('5\n')]), { words: 'format: { csv: { encoding: windows-1252 } }', rows: ['id=1 price=\u20ac5'] }),
  csv('shift_jis, told, with a broken character', Buffer.concat([Buffer.from('id,name\n1,'), bytes(0x83, 0x65), Buffer.from('\n2,'), bytes(0x83), Buffer.from('\n3,c\n')]), { words: 'format: { csv: { encoding: shift_jis } }', rows: ['id=1 name=\u30c6', 'id=3 name=c'], rejects: [3] }),
  csv('bytes that are no UTF-8', Buffer.concat([Buffer.from('id,name\n1,\u00fc\n2,'), bytes(0xff, 0xfe), Buffer.from('\n3,c\n')]), { rows: ['id=1 name=\u00fc', 'id=3 name=c'], rejects: [3] }),
  csv('an overlong slash', Buffer.concat([Buffer.from('id,name\n1,'), bytes(0xc0, 0xaf), Buffer.from('\n2,b\n')]), { rows: ['id=2 name=b'], rejects: [2] }),
  csv('NUL bytes', 'id,name\n1,a\0b\n2,c\n', { rows: ['id=2 name=c'], rejects: [2] }),
  csv('too few and too many values', 'id,name,x\n1,a\n2,b,c\n3,d,e,f\n', { rows: ['id=2 name=b x=c'], rejects: [2, 4] }),
  csv('too few values, padded', 'id,name,x\n1\n2,b\n3,d,e,f\n', { words: 'format: { csv: { ragged: pad } }', rows: ['id=1', 'id=2 name=b'], rejects: [4] }),
  csv('a quote that does not close', 'id,name\n1,"a\n2,b\n3,c\n', { rows: ['id=2 name=b', 'id=3 name=c'], rejects: [2] }),
  csv('text after a closing quote', 'id,name\n1,"a"b\n2,c\n', { rows: ['id=2 name=c'], rejects: [2] }),
  csv('quotes, delimiters and line breaks in quotes', 'id,name\n1,"a ""b"", c\nd"\n2,e\nx\n', { rows: ['id=1 name=a "b", c\nd', 'id=2 name=e'], rejects: [5] }),
  csv('a quoted empty text is not NULL', 'id,name\n1,""\n2,\n', { rows: ['id=1 name=', 'id=2'] }),
  csv('semicolons', 'id;name\n1;a,b\n2;c\n', { rows: ['id=1 name=a,b', 'id=2 name=c'] }),
  csv('tabs', 'id\tname\n1\ta\n', { rows: ['id=1 name=a'] }),
  csv('pipes and commas', 'id|name|x\n1|a,b|c\n2|d,e|f\n', { rows: ['id=1 name=a,b x=c', 'id=2 name=d,e x=f'] }),
  csv('one column', 'name\na\nb\n', { rows: ['name=a', 'name=b'] }),
  csv('decimal commas and thousands', 'id;amount\n1;1.234,50\n2;0,5\n3;7\n4;1.5\n', { words: 'format: { csv: { decimal: "," } }, types: { amount: DOUBLE }', rows: ['id=1 amount=1234.5', 'id=2 amount=0.5', 'id=3 amount=7.0'], rejects: [5] }),
  csv('decimal commas, inferred', 'id;amount\n1;1.234,50\n2;0,5\n', { words: 'format: { csv: { decimal: "," } }', rows: ['id=1 amount=1234.5', 'id=2 amount=0.5'] }),
  csv('comments and lines before the header', 'made by x\n\n# a comment\nid,name\n1,a\n#2,b\n3,c#d\n', { words: 'format: { csv: { skip: 2, comment: "#" } }', rows: ['id=1 name=a', 'id=3 name=c#d'] }),
  csv('a header of several lines', ',2025,\nid,sales,note\n1,5,x\n', { words: 'format: { csv: { header_lines: 2 } }', rows: ['id=1 2025 sales=5 note=x'] }),
  csv('no header', '1,a\n2,b\n', { words: 'format: { csv: { header: false } }', rows: ['column0=1 column1=a', 'column0=2 column1=b'] }),
  csv('a name twice and a name missing', 'id,id,\n1,2,3\n', { rows: ['id=1 id_1=2 column2=3'] }),
  csv('leading zeros and numbers beyond 2^63 stay text', 'zip,big\n007,9223372036854775808\n008,1\n', { rows: ['zip=007 big=9223372036854775808', 'zip=008 big=1'] }),
  csv('a date that does not exist', 'd\n2026-02-28\n2026-02-30\n', { words: 'types: { d: DATE }', rows: ['d=2026-02-28'], rejects: [3] }),
  csv('a value of megabytes', `id,name\n1,${'x'.repeat(3_000_000)}\n2,b\n`, { rows: [`id=1 name=${'x'.repeat(3_000_000)}`, 'id=2 name=b'] }),
  csv('a line without end', `id,name\n1,"${'x'.repeat(40_000_000)}\n`, { refused: /longer than 16 MB|line/ }),
  csv('names that are words of SQL', 'select,"a""b"\n1,2\n', { rows: ['select=1 a"b=2'] }),
  csv('two hundred columns', `${Array.from({ length: 200 }, (_unused, index) => `c${index}`).join(',')}\n${Array.from({ length: 200 }, (_unused, index) => index).join(',')}\n`, { rows: [Array.from({ length: 200 }, (_unused, index) => `c${index}=${index}`).join(' ')] }),
  csv('gzip that is called .csv, of UTF-16', gzipSync(utf16('id,name\n1,a\n')), { rows: ['id=1 name=a'] }),
];

const jsonCases: readonly Case[] = [
  of('jsonl', 'empty', '', { refused: /none of its 1 files has a column/ }),
  of('jsonl', 'blank lines, spaces and no end', '\n  \n{"id": 1}\n\n{"id": 2}', { rows: ['id=1', 'id=2'] }),
  of('jsonl', 'what is no object', '{"id": 1}\n[1]\nnull\n"x"\nnope\n{"id": 2\n{"id": 3}\n', { rows: ['id=1', 'id=3'], rejects: [2, 3, 4, 5, 6] }),
  of('jsonl', 'lines counted over blank ones', '{"id": 1}\n\n\nnope\n{"id": 2}\n', { rows: ['id=1', 'id=2'], rejects: [4] }),
  of('jsonl', 'bad UTF-8 in one line', Buffer.concat([Buffer.from('{"id": 1}\n{"id": "'), bytes(0xff), Buffer.from('"}\n{"id": 2}\n')]), { rows: ['id=1', 'id=2'], rejects: [2] }),
  of('jsonl', 'line breaks of two kinds', '{"id": 1}\r\n{"id": 2}\n{"id": 3}\r\n', { rows: ['id=1', 'id=2', 'id=3'] }),
  of('jsonl', 'an escaped NUL', '{"id": 1, "a": "x\\u0000y"}\n{"id": 2, "a": "b"}\n', { rows: ['id=2 a=b'], rejects: [1] }),
  of('jsonl', 'mixed kinds stay text', '{"a": 1}\n{"a": "x"}\n{"a": [1, {"b": null}]}\n', { rows: ['a=1', 'a=x', 'a=[1,{"b":null}]'] }),
  of('jsonl', 'big integers', '{"a": 9223372036854775807}\n{"a": 9223372036854775806}\n', { rows: ['a=9223372036854775807', 'a=9223372036854775806'] }),
  of('jsonl', 'flattened, and an object that is none', '{"id": 1, "geo": {"lat": 1.5, "p": {"x": 1}}}\n{"id": 2, "geo": null}\n{"id": 3}\n{"id": 4, "geo": {"lat": 2}}\n', { words: 'format: { jsonl: { flatten: true } }', rows: ['id=1 geo.lat=1.5 geo.p.x=1', 'id=2', 'id=3', 'id=4 geo.lat=2.0'] }),
  of('jsonl', 'deep nesting', `{"a": ${'['.repeat(500)}${']'.repeat(500)}}\n{"a": 1}\n`, { rows: [`a=${'['.repeat(500)}${']'.repeat(500)}`, 'a=1'] }),
  of('jsonl', 'numbers of more digits than a double holds, small ones and huge ones', '{"id": 1, "d": 12345678901234567.25, "t": 0.12345678901234567891, "e": 0.0000001, "n": {"x": [0.10000000000000000001, "0.1"]}}\n{"id": 2, "d": -0.01, "t": 0.000001, "e": 0.0000001, "n": "a"}\n{"id": 3, "d": 1.005, "t": 1.5, "e": 1, "n": 1}\n',
    { words: 'types: { d: "DECIMAL(20,2)", e: "DECIMAL(10,7)" }', rows: ['id=1 d=12345678901234567.25 t=0.12345678901234567891 e=0.0000001 n={"x":[0.10000000000000000001,"0.1"]}', 'id=2 d=-0.01 t=0.000001 e=0.0000001 n=a'], rejects: [3] }),
  of('json', 'a number of more digits than a double holds', '[{"id": 1, "d": 1234567890123456.78, "s": "1.5"}, {"id": 2, "d": 1.50, "s": "\\u0001\\u0002x"}]', { words: 'types: { d: "DECIMAL(18,2)" }', rows: ['id=1 d=1234567890123456.78 s=1.5', 'id=2 d=1.50 s=\u0001\u0002x'] }),
  of('jsonl', 'numbers and texts of one column, and values of another kind', '{"id": 1, "a": "12", "b": true, "c": 1.0}\n{"id": 2, "a": 13, "b": 1, "c": 5}\n', { rows: ['id=1 a=12 b=true c=1.0', 'id=2 a=13 b=1 c=5.0'] }),
  of('json', 'an array of objects and others', '[{"id": 1}, 5, {"id": 2}]', { refused: /reading a JSON file|is not a JSON object/, rows: ['id=1', 'id=2'], rejects: [null] }),
  of('json', 'cut off', '[{"id": 1}, {"id"', { refused: /reading a JSON file/ }),
  of('json', 'UTF-16', utf16('[{"id": 1, "a": "\u00fc"}]'), { rows: ['id=1 a=\u00fc'] }),
];

const lineCases: readonly Case[] = [
  of('lines', 'blank ones do not count, numbers stay', 'a\n\n  \nb', { file: 'f.txt', rows: ['line_number=1 line=a', 'line_number=4 line=b'] }),
  of('lines', 'control characters, quotes and no UTF-8', Buffer.concat([Buffer.from('a\x02"b\n'), bytes(0xfe, 0x31), Buffer.from('\nc\n')]), { file: 'f.log', rows: ['line_number=1 line=a\x02"b', 'line_number=3 line=c'], rejects: [2] }),
  of('grok', 'lines that match and one that does not', '1.2.3.4 - - [17/May/2015:10:05:03 +0200] "GET /a HTTP/1.1" 200 -\nnonsense\n::1 - bob [17/May/2015:10:05:03 +0000] "\\x16\\x03" 400 0\n', {
    file: 'f.log', words: 'format: { grok: { pattern: apache_common } }',
    rows: ['client=1.2.3.4 timestamp=2015-05-17 08:05:03+00 method=GET request=/a http_version=1.1 status=200', 'client=::1 auth=bob timestamp=2015-05-17 10:05:03+00 raw_request=\\x16\\x03 status=400 bytes=0'], rejects: [2],
  }),
  of('grok', 'a time that does not exist', '1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\n', { file: 'f.log', words: 'format: { grok: { pattern: apache_common } }', rows: [], rejects: [1] }),
  of('grok', 'stack traces as one event', '2026-01-02 03:04:05,678 ERROR [main] a.B - failed\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: y\n\t... 3 more\n2026-01-02 03:04:06,000 INFO [main] a.B - went on\n', {
    file: 'f.log', words: 'format: { grok: { pattern: java, multiline: java } }',
    rows: ['timestamp=2026-01-02 03:04:05,678 thread=main level=ERROR logger=a.B message=failed\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: y\n\t... 3 more', 'timestamp=2026-01-02 03:04:06,000 thread=main level=INFO logger=a.B message=went on'],
  }),
  of('grok', 'a pattern that nobody knows', 'a\n', { file: 'f.log', words: 'format: { grok: { pattern: "%{NOPE:x}" } }', refused: /there is no pattern "NOPE"/ }),
  of('grok', 'a pattern that would take for ever', `${'a'.repeat(50_000)}!\n`, { file: 'f.log', words: 'format: { grok: { pattern: "(?:%{WORD}+)+%{INT:n}" } }', rows: [], rejects: [1] }),
  of('logfmt', 'quotes, flags, doubles and what is none', 'level=info msg="a \\"b\\" c=d" debug n=5\n=x\nlevel=warn level=error n=6\nmsg="open\n', { rows: ['level=info msg=a "b" c=d debug=true n=5', 'level=warn n=6'], rejects: [2, 4] }),
  of('fixed_width', 'short, long and foreign letters', 'A001  1,5\n\u00c9\u00c90210,25\nA003\nA0040001,5xxx\n', { file: 'f.txt', words: 'format: { fixed_width: { columns: [{ name: id, width: 4 }, { name: amount, width: 5 }], decimal: "," } }', rows: ['id=A001 amount=1.5', 'id=\u00c9\u00c902 amount=10.25'], rejects: [3, 4] }),
];

const xmlCases: readonly Case[] = [
  of('xml', 'attributes, nested, repeated, CDATA', '<?xml version="1.0"?>\n<a>\n<r id="1"><n>x &amp; y</n><t>1</t><t>2</t></r>\n<r id="2"><n><![CDATA[<z>]]></n><m k="v">5</m></r></a>', { rows: ['@id=1 n=x & y t=["1","2"]', '@id=2 n=<z> m={"@k":"v","#text":"5"}'] }),
  of('xml', 'a record by its name, flattened', '<a><h><x/></h><list><item><p><q>1</q></p></item></list></a>', { words: 'format: { xml: { record: item, flatten: true } }', rows: ['p.q=1'] }),
  of('xml', 'an encoding of its own', latin('<?xml version="1.0" encoding="ISO-8859-1"?><a><r><n>M\u00fcller</n></r></a>'), { rows: ['n=M\u00fcller'] }),
  of('xml', 'not closed', '<a><r><n>1</n></r><r>', { refused: /reading an XML file/ }),
  of('xml', 'wrongly nested', '<a><r><n>1</r></n></a>', { refused: /reading an XML file/ }),
  of('xml', 'a billion laughs', '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l><r><n>&b;</n></r></l>', { refused: /reading an XML file/ }),
  of('xml', 'an entity from a file', '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l><r><n>&x;</n></r></l>', { refused: /reading an XML file/ }),
  of('xml', 'nested without end', `${'<a>'.repeat(5000)}`, { refused: /nested more than 100 deep/ }),
  of('xml', 'no XML', 'id,name\n1,a\n', { refused: /reading an XML file/ }),
];

const sheet = (rows: string, extra: Readonly<Record<string, string>> = {}): Buffer => zipOf({
  'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="One" r:id="a"/><sheet name="Two" r:id="b"/></sheets></workbook>',
  'xl/_rels/workbook.xml.rels': '<Relationships><Relationship Id="a" Target="worksheets/sheet1.xml"/><Relationship Id="b" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
  'xl/styles.xml': '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/><numFmt numFmtId="165" formatCode="0.00 &quot;days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>',
  'xl/sharedStrings.xml': '<sst><si><t>id</t></si><si><t>name</t></si><si><r><t>rich </t></r><r><t>text</t></r></si></sst>',
  'xl/worksheets/sheet1.xml': `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
  'xl/worksheets/sheet2.xml': '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c></row><row r="2"><c r="A2"><v>7</v></c></row></sheetData></worksheet>',
  ...extra,
});

/** A zip by Python's own writer. */
export function zipOf(members: Readonly<Record<string, string>>): Buffer {
  const script = 'import sys, json, zipfile, io\nb = io.BytesIO()\nz = zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED)\nfor n, c in json.load(sys.stdin).items(): z.writestr(n, c)\nz.close()\nsys.stdout.buffer.write(b.getvalue())';
  return execFileSync('python3', ['-c', script], { input: JSON.stringify(members), maxBuffer: 1 << 28 });
}

const header = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="inlineStr"><is><t>at</t></is></c></row>';
const excelCases: readonly Case[] = [
  of('xlsx', 'texts, numbers, dates, gaps', sheet(`${header}<row r="3"><c r="A3"><v>12345678901234567</v></c><c r="B3" t="s"><v>2</v></c><c r="D3" s="2"><v>45292.5</v></c></row><row r="4"><c r="A4"><v>2</v></c><c r="D4" s="1"><v>1</v></c></row>`), { rows: ['id=12345678901234567 name=rich text at=2024-01-01 12:00:00', 'id=2 at=1900-01-01'], words: 'types: { at: VARCHAR }' }),
  of('xlsx', 'an error and a value beyond the header', sheet(`${header}<row r="2"><c r="A2" t="e"><v>#DIV/0!</v></c></row><row r="3"><c r="A3"><v>1</v></c><c r="F3"><v>9</v></c></row><row r="4"><c r="A4"><v>3</v></c></row>`), { rows: ['id=3'], rejects: [2, 3] }),
  of('xlsx', 'a formula that was never worked out, what XML cannot hold, no truth value', sheet(`${header}<row r="2"><c r="A2"><f>1+1</f></c></row><row r="3"><c r="A3"><f>1+1</f><v>2</v></c><c r="B3" t="inlineStr"><is><t>a_x000D_\nb_x005F_x000D_</t></is></c></row><row r="4"><c r="A4" t="b"><v>2</v></c></row>`), { rows: ['id=2 name=a\r\nb_x000D_'], rejects: [2, 4] }),
  of('xlsx', 'a cell that stands nowhere', sheet(`${header}<row r="2"><c r="ZZZZZZ2"><v>1</v></c></row>`), { refused: /"ZZZZZZ2" is no place of a cell/ }),
  of('xlsx', 'a cell without end', sheet(`${header}<row r="2"><c r="A2" t="inlineStr"><is><t>${'x'.repeat(17_000_000)}</t></is></c></row>`), { refused: /a cell of row 2 holds more than 16 MB/ }),
  of('xlsx', 'another sheet', sheet(''), { words: 'format: { excel: { sheet: Two } }', rows: ['x=7'] }),
  of('xlsx', 'a sheet that is not there', sheet(''), { words: 'format: { excel: { sheet: Three } }', refused: /it has no sheet "Three"; its sheets: One, Two/ }),
  of('xlsx', 'no workbook', 'id,name\n', { refused: /reading a workbook/ }),
  of('xlsx', 'cut off', sheet(header).subarray(0, 500), { refused: /reading a workbook/ }),
];

const otherCases: readonly Case[] = [
  of('avro', 'no Avro', 'Obj\x01nonsense', { refused: /reading an Avro file/ }),
  of('parquet', 'no Parquet', 'PAR1 nonsense', { refused: /parquet|Parquet/ }),
  { name: 'zip: empty', file: 'f.zip', content: Buffer.concat([bytes(0x50, 0x4b, 5, 6), Buffer.alloc(18)]), refused: /none of its 1 files has a column/ },
  { name: 'zip: cut off', file: 'f.zip', content: zipOf({ 'a.csv': 'id\n1\n' }).subarray(0, 60), refused: /unpacking ".*f.zip"/ },
  { name: 'zip: what systems leave is passed over', file: 'f.zip', content: zipOf({ '__MACOSX/._a.csv': 'x', '.DS_Store': 'x', 'a.csv': 'id\n1\n', 'b/': '' }), rows: ['id=1'] },
  { name: 'no ending', file: 'f', content: 'x', refused: /its ending does not tell a format/ },
];

export const cases: readonly Case[] = [...csvCases, ...jsonCases, ...lineCases, ...xmlCases, ...excelCases, ...otherCases];
