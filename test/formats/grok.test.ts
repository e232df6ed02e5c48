import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openBench, type Bench } from '../support/files';

/** Well-known logs, each by lines as its server writes them. */
let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

const tabbed = (...values: readonly string[]): string => values.join('\t');
const known: readonly (readonly [string, string, Readonly<Record<string, string | null>>])[] = [
  ['apache_combined', '8.8.8.8 - - [17/May/2015:23:05:03 -0130] "POST /a?b=c HTTP/2" 503 - "-" "Mozilla \\"x\\""', { timestamp: '2015-05-18 00:35:03+00', bytes: null, referrer: null, agent: 'Mozilla \\"x\\"', status: '503' }],
  ['nginx_access', '::1 - ann [17/May/2015:10:05:03 +0000] "\\x16\\x03\\x01" 400 150 "-" "-" "1.1.1.1"', { client: '::1', auth: 'ann', raw_request: '\\x16\\x03\\x01', forwarded_for: '1.1.1.1' }],
  ['apache_error', '[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 35708:tid 4328636416] (2)No such file or directory: [client 72.15.99.187:443] AH00036: File does not exist: /x', { timestamp: '2023-10-11 14:32:52.123456', module: 'core', level: 'error', client: '72.15.99.187:443', code: 'AH00036', message: 'File does not exist: /x' }],
  ['apache_error', '[Wed Oct 11 14:32:52 2023] [notice] resuming', { timestamp: '2023-10-11 14:32:52', level: 'notice', message: 'resuming' }],
  ['nginx_error', '2023/01/05 10:11:12 [error] 31#32: *7 open() "/x" failed (2: No such file), client: 1.2.3.4, server: a.b, request: "GET /x HTTP/1.1", host: "a.b"', { timestamp: '2023-01-05 10:11:12', connection: '7', message: 'open() "/x" failed (2: No such file)', client: '1.2.3.4', host: 'a.b' }],
  ['syslog_rfc3164', '<34>Oct 11 22:14:15 mymachine su[77]: \'su root\' failed', { priority: '34', timestamp: 'Oct 11 22:14:15', program: 'su', pid: '77', message: '\'su root\' failed' }],
  ['syslog_rfc5424', '<165>1 2003-10-11T22:14:15.003Z host app 8710 ID47 [a@1 b="c\\]d"][e@2] text', { timestamp: '2003-10-11 22:14:15.003+00', structured_data: '[a@1 b="c\\]d"][e@2]', message: 'text' }],
  ['elb', '2015-05-13T23:39:43.945958Z my-elb 1.1.1.1:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://a/ HTTP/1.1" "curl" - -', { timestamp: '2015-05-13 23:39:43.945958+00', backend_processing_time: '0.001048', agent: 'curl', ssl_cipher: null }],
  ['alb', 'https 2018-07-02T22:23:00.186641Z app/a/b 1.1.1.1:2817 - -1 -1 -1 502 - 34 366 "GET https://a/ HTTP/1.1" "curl" ECDHE TLSv1.2 arn:x "Root=1" "a.com" "arn:y" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-"', { elb_status: '502', target_status: null, target_processing_time: '-1.0', domain: 'a.com', request_created: '2018-07-02 22:22:48.364+00' }],
  ['cloudfront', tabbed('2019-12-04', '21:02:31', 'LAX1', '392', '192.0.2.100', 'GET', 'd.cloudfront.net', '/i.html', '200', '-', 'M%20a', '-', '-', 'Hit', 'SOX==', 'd.net', 'https', '23', '0.001', '-', 'TLSv1.2', 'E', 'Hit', 'HTTP/2.0', '-', '-', '11040'), { date: '2019-12-04', time: '21:02:31', status: '200', time_taken: '0.001', query: null }],
  ['s3_access', '79a bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a 3E57 REST.GET.VERSIONING - "GET /b?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - s9lz= SigV4', { timestamp: '2019-02-06 00:00:38+00', key: null, bytes: '113', total_time: '7', rest: 's9lz= SigV4' }],
];

test.each(known)('%s: %s', async (pattern, line, expected) => {
  bench.put('f.log', `${line}\n`);
  const found = await bench.read('f.log', `format: { grok: { pattern: ${pattern}, comment: "#" } }`);
  expect(found.rejects).toEqual([]);
  expect(found.rows[0]).toMatchObject(expected);
});

test('a pattern of one\'s own, with fields of stated types', async () => {
  bench.put('own.log', 'id=7 took 1.5ms\nid=x took 1ms\n');
  const found = await bench.read('own.log', 'format: { grok: { pattern: "id=%{ID:id:int} took %{NUMBER:took}ms", patterns: { ID: "\\\\d+" } } }');
  expect(found.plan.columns.map(({ type }) => type)).toEqual(['BIGINT', 'DOUBLE']);
  expect(found.rows).toEqual([{ id: '7', took: '1.5' }]);
  expect(found.rejects.map(({ line, raw }) => [line, raw])).toEqual([['2', '"id=x took 1ms"']]);
});

test('of a real log no line is lost', async () => {
  const real = ['../../../shared', '../../../../shared'].map((folder) => path.resolve(__dirname, folder, 'data/apache_access.log'));
  const own = path.resolve(__dirname, '../../pipelines/data/access.log');
  for (const file of [...real, own].filter(existsSync)) {
    const text = readFileSync(file);
    bench.put('access.log', text);
    const found = await bench.read('access.log', 'format: { grok: { pattern: apache_combined } }');
    expect(found.rows.length + found.rejects.length).toBe(text.toString('latin1').split('\n').filter(Boolean).length);
    expect(found.rows.length).toBeGreaterThan(0.9 * found.count);
  }
});
