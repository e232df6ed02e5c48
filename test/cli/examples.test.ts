import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { events, millrace } from '../support/millrace';

let folder: string;
const pipeline = (tests: string): string => {
  const file = path.join(folder, 'orders.yaml');
  writeFileSync(file, `pipeline: orders\nsource: shop\ndestination: db\nstreams:\n  - stream: orders\n    to: orders\n    mode: full\n    write: replace\n    steps:\n      - cast: { columns: { total: "DECIMAL(12,2)" } }\n      - filter: { where: "total > 0" }\n    checks:\n      - not_null: { columns: [id], on_fail: quarantine }\n${tests}`);
  return file;
};
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace examples '));
  process.env['MILLRACE_HOME'] = path.join(folder, '.millrace');
  writeFileSync(path.join(folder, 'connections.yaml'), 'shop: { connector: files, path: . }\ndb: { connector: duckdb, path: out.duckdb }\n');
});
afterAll(() => {
  delete process.env['MILLRACE_HOME'];
  rmSync(folder, { recursive: true });
});

const given = '    given:\n      - { id: 1, total: "12.50" }\n      - { id: 2, total: "12345678901234567.89" }\n      - { id: 3, total: "-1" }\n      - { id: 4, total: none }\n      - { total: "1" }\n';
const rejected = '    rejected:\n      - { step: cast, column: total, record: { id: 4 } }\n      - { step: checks, column: id }\n';
const big = `tests:\n  - name: money is exact\n${given.replace('12345678901234567.89', '1234567890.12')}`;

describe('millrace test', () => {
  it('passes where rows and rejects are as expected, without a server', async () => {
    const said = await millrace('test', pipeline(`${big}    expected:\n      - { id: 2, total: 1234567890.12 }\n      - { id: 1, total: 12.5 }\n${rejected}`), '--json');
    expect(events(said)).toMatchObject([{ event: 'test', passed: true, columns: ['id', 'total'] }, { event: 'tested', passed: 1, failed: 0 }]);
    expect(said.code).toBe(0);
  });

  it('shows each column that is another than expected, and ends with 3', async () => {
    const said = await millrace('test', pipeline(`${big}    expected:\n      - { id: 1, total: 12.51 }\n      - { id: 9, total: 0 }\n${rejected}`));
    expect(said.code).toBe(3);
    expect(said.out).toMatch(/another than expected:\n +id +1\n +- total +12\.51\n +\+ total +12\.50/);
    expect(said.out).toMatch(/expected, and not there:\n +- id +9/);
    expect(said.out).toMatch(/there, and not expected:\n +\+ id +2/);
  });

  it('tells rejects that were not expected, and expected ones that did not come', async () => {
    const said = await millrace('test', pipeline(`${big}    expected:\n      - { id: 1 }\n      - { id: 2 }\n    rejected:\n      - { step: cast, column: total, record: { id: 5 } }\n      - { column: id }\n`));
    expect(said.code).toBe(3);
    expect(said.out.replace(/\s+/g, ' ')).toContain('no row was rejected {"step":"cast","column":"total","record":{"id":5}}');
    expect(said.out.replace(/\s+/g, ' ')).toMatch(/rejected, which was not expected: \[1 cast\] total .*"id":"4"/);
  });

  it('takes tests from the file beside the pipeline, and loses no digit', async () => {
    const file = pipeline('');
    writeFileSync(path.join(folder, 'orders.tests.yaml'), 'tests:\n  - name: digits\n    types: { id: HUGEINT }\n    given: [{ id: 123456789012345678901234567890, total: "1" }]\n    expected: [{ id: 123456789012345678901234567890 }]\n');
    const said = await millrace('test', file);
    rmSync(path.join(folder, 'orders.tests.yaml'));
    expect(said).toMatchObject({ code: 0, out: expect.stringContaining('1 test passed') as string });
  });

  it('refuses what is written wrongly, with its line', async () => {
    const said = await millrace('test', pipeline('tests:\n  - name: wrong\n    stream: ordres\n    given: [{ id: 1 }]\n    expected: []\n'));
    expect(said.code).toBe(4);
    expect(said.err).toMatch(/orders\.yaml:16:13: .*ordres.*did you mean "orders"/);
  });
});
