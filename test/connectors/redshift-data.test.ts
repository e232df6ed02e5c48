import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import {
  BatchExecuteStatementCommand, CancelStatementCommand, DescribeStatementCommand, ExecuteStatementCommand, GetStatementResultCommand, GetStatementResultV2Command, ListStatementsCommand, RedshiftDataClient,
  type BatchExecuteStatementCommandInput, type DescribeStatementCommandOutput, type Field,
} from '@aws-sdk/client-redshift-data';
import { s3Client } from '../support/s3';
import { eventually } from '../support/temporal';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';

/** The stand-in for the Data API, asked by the AWS SDK: what it does, and what it refuses. */
let warehouse: SimulatedWarehouse;
let client: RedshiftDataClient;
const at = { WorkgroupName: 'simulator', Database: 'dev' };
const clientOf = (keys: object = {}, region = 'us-east-1') => new RedshiftDataClient({ endpoint: warehouse.url, region, maxAttempts: 1, credentials: { accessKeyId: 'simulator', secretAccessKey: 'simulator-secret', ...keys } });
beforeAll(async () => {
  warehouse = await startWarehouse({ pageRows: 3, most: 5 });
  client = clientOf();
});
afterAll(async () => {
  client.destroy();
  await warehouse.close();
});

async function one(Sql: string, more: object = {}): Promise<DescribeStatementCommandOutput> {
  const { Id } = await client.send(new ExecuteStatementCommand({ ...at, Sql, WaitTimeSeconds: 20, ...more }));
  return client.send(new DescribeStatementCommand({ Id: Id! }));
}
async function batch(Sqls: string[], more: Partial<BatchExecuteStatementCommandInput> = {}): Promise<DescribeStatementCommandOutput> {
  const { Id } = await client.send(new BatchExecuteStatementCommand({ ...at, Sqls, WaitTimeSeconds: 20, ...more }));
  return client.send(new DescribeStatementCommand({ Id: Id! }));
}
const done = async (Sql: string): Promise<void> => { expect(await one(Sql)).toMatchObject({ Status: 'FINISHED' }); };
async function answer(Sql: string): Promise<readonly Field[][]> {
  const told = await one(Sql);
  expect(told).toMatchObject({ Status: 'FINISHED', HasResultSet: true });
  return (await client.send(new GetStatementResultCommand({ Id: told.Id! }))).Records!;
}

test('a request is signed by a known key for this service and region, or refused', async () => {
  const refused = async (other: RedshiftDataClient) => other.send(new ListStatementsCommand({})).then(() => 'accepted', (error: Error) => error.name).finally(() => other.destroy());
  expect(await refused(clientOf({ secretAccessKey: 'wrong' }))).toBe('InvalidSignatureException');
  expect(await refused(clientOf({ accessKeyId: 'nobody' }))).toBe('UnrecognizedClientException');
  expect(await refused(clientOf({}, 'eu-central-1'))).toBe('InvalidSignatureException');
  expect((await fetch(warehouse.url, { method: 'POST', body: '{}' })).status).toBe(403);
});

test('of transactions that make the same schema and table at once each finds it made', async () => {
  const makes = ['CREATE SCHEMA IF NOT EXISTS raced', 'CREATE TABLE IF NOT EXISTS raced.things (id BIGINT)'];
  const told = await Promise.all(Array.from({ length: 4 }, () => batch(makes)));
  expect(told.map(({ Status, Error: said }) => said ?? Status)).toEqual(['FINISHED', 'FINISHED', 'FINISHED', 'FINISHED']);
});

test('values come in the fields that the service puts them in, page by page', async () => {
  const told = await one("SELECT 7::bigint AS b, 1.50::decimal(5,2) AS d, true AS t, 0.5::float8 AS f, 'x'::varchar AS v, NULL::int AS n UNION ALL SELECT i, i, false, i, 'y', i FROM (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) s ORDER BY 1 DESC");
  expect(told).toMatchObject({ Status: 'FINISHED', ResultRows: 4, HasResultSet: true });
  const first = await client.send(new GetStatementResultCommand({ Id: told.Id! }));
  expect(first).toMatchObject({ TotalNumRows: 4, NextToken: expect.any(String) as string, ColumnMetadata: [{ name: 'b', typeName: 'int8' }, { name: 'd', typeName: 'numeric' }, { name: 't' }, { name: 'f' }, { name: 'v' }, { name: 'n' }] });
  expect(first.Records![0]).toMatchObject([{ longValue: 7 }, { stringValue: '1.50' }, { booleanValue: true }, { doubleValue: 0.5 }, { stringValue: 'x' }, { isNull: true }]);
  const second = await client.send(new GetStatementResultCommand({ Id: told.Id!, NextToken: first.NextToken }));
  expect([second.Records!.length, second.NextToken]).toEqual([1, undefined]);
  const csv = await one("SELECT 9223372036854775807 AS big, 'a,\"b' AS v", { ResultFormat: 'CSV' });
  const text = await client.send(new GetStatementResultV2Command({ Id: csv.Id! }));
  expect(text.Records).toMatchObject([{ CSVRecords: 'big,v\r\n9223372036854775807,"a,""b"\r\n' }]);
});

test('a batch is one transaction; AUTO_COMMIT is not; sub-statements tell which one failed', async () => {
  await done('CREATE TABLE together (id int)');
  const failed = await batch(['INSERT INTO together VALUES (1)', 'SELECT 1 / count(*) FROM together WHERE id = 9', 'INSERT INTO together VALUES (2)']);
  expect(failed).toMatchObject({ Status: 'FAILED', Error: 'ERROR: division by zero', SubStatements: [{}, { Status: 'FAILED', Error: 'ERROR: division by zero' }, { Status: 'ABORTED' }] });
  expect(await answer('SELECT count(*) FROM together')).toEqual([[expect.objectContaining({ longValue: 0 })]]);
  await batch(['INSERT INTO together VALUES (1)', 'SELECT 1 / 0', 'INSERT INTO together VALUES (2)'], { ExecutionMode: 'AUTO_COMMIT' });
  expect(await answer('SELECT count(*) FROM together')).toEqual([[expect.objectContaining({ longValue: 2 })]]);
});

test('TRUNCATE commits what came before it', async () => {
  await done('CREATE TABLE emptied (id int)');
  await done('INSERT INTO emptied VALUES (1)');
  expect(await batch(['TRUNCATE emptied', 'SELECT 1 / 0'])).toMatchObject({ Status: 'FAILED' });
  expect(await answer('SELECT count(*) FROM emptied')).toEqual([[expect.objectContaining({ longValue: 0 })]]);
});

test('the same ClientToken gives the same statement; with other SQL it is refused', async () => {
  const ask = (Sql: string) => client.send(new ExecuteStatementCommand({ ...at, Sql, ClientToken: 'token-1', WaitTimeSeconds: 20 }));
  await done('CREATE TABLE tokens (id int)');
  const [first, again] = [await ask('INSERT INTO tokens VALUES (1)'), await ask('INSERT INTO tokens VALUES (1)')];
  expect(again.Id).toBe(first.Id);
  expect(await answer('SELECT count(*) FROM tokens')).toEqual([[expect.objectContaining({ longValue: 1 })]]);
  await expect(ask('INSERT INTO tokens VALUES (2)')).rejects.toMatchObject({ name: 'ValidationException' });
});

test('limits hold: 40 statements, 100 KB, five active ones here; a wrong target or database is refused', async () => {
  await expect(batch(Array.from({ length: 41 }, () => 'SELECT 1'))).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(one(`SELECT '${'x'.repeat(102_400)}'`)).rejects.toThrow('100 KB');
  await expect(client.send(new ExecuteStatementCommand({ Database: 'dev', Sql: 'SELECT 1' }))).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(client.send(new ExecuteStatementCommand({ ...at, Database: 'other', Sql: 'SELECT 1' }))).rejects.toThrow('does not exist');
  await warehouse.fault({ kind: 'hold', times: 5 });
  for (let times = 0; times < 5; times += 1) await client.send(new ExecuteStatementCommand({ ...at, Sql: 'SELECT 1' }));
  await expect(one('SELECT 1')).rejects.toMatchObject({ name: 'ActiveStatementsExceededException' });
  await warehouse.release();
  await eventually(async () => (await warehouse.statements()).every(({ status }) => status === 'FINISHED' || status === 'FAILED'), 'all statements to end');
});

test('a statement under way is found by its name and ended by CancelStatement; one that is over is not', async () => {
  await warehouse.fault({ kind: 'hold' });
  const { Id } = await client.send(new ExecuteStatementCommand({ ...at, Sql: 'SELECT 1', StatementName: 'held/1' }));
  const list = async (Status: 'ALL' | 'FINISHED') => (await client.send(new ListStatementsCommand({ StatementName: 'held/', Status }))).Statements!.map((found) => found.Id);
  expect([await list('ALL'), await list('FINISHED')]).toEqual([[Id], []]);
  await client.send(new CancelStatementCommand({ Id: Id! }));
  expect(await client.send(new DescribeStatementCommand({ Id: Id!, WaitTimeSeconds: 20 }))).toMatchObject({ Status: 'ABORTED' });
  await expect(client.send(new CancelStatementCommand({ Id: Id! }))).rejects.toMatchObject({ name: 'ValidationException' });
});

test('faults come when they are asked for: throttled, answer lost, conflict, crash, expired', async () => {
  await done('CREATE TABLE faulty (id int)');
  await warehouse.fault({ kind: 'throttle', operation: 'ExecuteStatement' });
  await expect(one('SELECT 1')).rejects.toMatchObject({ name: 'ThrottlingException' });
  await warehouse.fault({ kind: 'lost', operation: 'ExecuteStatement' });
  await expect(one('INSERT INTO faulty VALUES (1)', { StatementName: 'lost/1' })).rejects.toThrow(/socket hang up|ECONNRESET/);
  const [found] = (await client.send(new ListStatementsCommand({ StatementName: 'lost/1', Status: 'ALL' }))).Statements!;
  expect(await client.send(new DescribeStatementCommand({ Id: found!.Id!, WaitTimeSeconds: 20 }))).toMatchObject({ Status: 'FINISHED' });
  await warehouse.fault({ kind: 'conflict', at: 1 });
  expect(await batch(['INSERT INTO faulty VALUES (2)', 'SELECT 1'])).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('1023') as string });
  await warehouse.fault({ kind: 'crash', at: 1 });
  expect(await batch(['INSERT INTO faulty VALUES (3)', 'SELECT 1'])).toMatchObject({ Status: 'ABORTED' });
  expect(await answer('SELECT count(*) FROM faulty')).toEqual([[expect.objectContaining({ longValue: 1 })]]);
  await warehouse.expire();
  await expect(client.send(new DescribeStatementCommand({ Id: found!.Id! }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test.each([
  ['INSERT INTO strict VALUES (1) ON CONFLICT DO NOTHING', 'ON CONFLICT'], ['INSERT INTO strict (id) VALUES (1) RETURNING id', 'RETURNING'], ['SELECT DISTINCT ON (id) * FROM strict', 'DISTINCT ON'],
  ['SELECT 1 FROM strict WHERE id IS NOT DISTINCT FROM 1', 'IS DISTINCT FROM'], ['SELECT count(*) FILTER (WHERE true) FROM strict', 'FILTER'], ['UPDATE strict AS s SET id = 2', 'alias'], ['DELETE FROM strict s WHERE id = 1', 'alias'],
  ['SELECT * FROM strict FOR UPDATE', 'FOR UPDATE'], ['CREATE INDEX i ON strict (id)', 'CREATE INDEX'], ['CREATE TABLE bad (a int[])', 'arrays'], ['CREATE TABLE bad (a uuid)', 'uuid'], ['CREATE TABLE bad (a jsonb)', 'jsonb'],
  ['CREATE TABLE bad (a varchar(65536))', 'length'], ['CREATE TABLE bad (a decimal(39,2))', 'length'], ['CREATE TABLE bad (oid int)', 'system column'], ['ALTER TABLE strict ADD COLUMN IF NOT EXISTS x int', 'IF NOT EXISTS'],
  ["INSERT INTO strict VALUES (1, 'ééé')", 'too long'], ["INSERT INTO strict (f) VALUES ('NaN')", 'cannot hold'], ["INSERT INTO strict (at) VALUES ('infinity')", 'cannot hold'], ['SELECT 1; SELECT 2', 'multiple statements'],
])('refuses %s', async (sql, reason) => {
  await done('CREATE TABLE IF NOT EXISTS strict (id int PRIMARY KEY, v varchar(5), f float8, at timestamp)');
  expect(await one(sql)).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining(reason) as string });
});

test('no key is enforced, names are lower case, TEXT has 256 bytes, a backslash escapes', async () => {
  await done('CREATE TABLE "Loose" (id int PRIMARY KEY, "Txt" text) DISTSTYLE KEY DISTKEY (id) SORTKEY (id)');
  await done("INSERT INTO loose VALUES (1, 'a\\\\b'), (1, 'c')");
  expect(await answer('SELECT txt FROM LOOSE ORDER BY 1')).toMatchObject([[{ stringValue: 'a\\b' }], [{ stringValue: 'c' }]]);
  expect(await one(`INSERT INTO loose VALUES (2, '${'x'.repeat(257)}')`)).toMatchObject({ Status: 'FAILED' });
  expect(await batch(['SELECT 1', 'ALTER TABLE loose ALTER COLUMN txt TYPE varchar(300)'])).toMatchObject({ Status: 'FAILED' });
});

describe('COPY', () => {
  const store = s3Client();
  afterAll(() => store.destroy());
  const put = async (key: string, body: Buffer | string) => { await store.send(new PutObjectCommand({ Bucket: warehouse.bucket, Key: `${warehouse.prefix}/${key}`, Body: body })); };
  const manifest = (key: string, entries: readonly object[]) => put(key, JSON.stringify({ entries }));
  const url = (key: string) => `s3://${warehouse.bucket}/${warehouse.prefix}/${key}`;
  const copy = (key: string, role = 'default') => one(`COPY copied (id, v, b, j) FROM '${url(key)}' IAM_ROLE ${role} FORMAT AS CSV GZIP MANIFEST NULL AS '~' COMPUPDATE OFF`);

  test('loads what the manifest names, and nothing where a mandatory file or a length is wrong', async () => {
    await done('CREATE TABLE copied (id int, v varchar(4), b varbyte(4), j super)');
    const body = gzipSync('1,"a\nb",00ff,"{""k"": 1}"\n2,~,~,~\n3,"","",null\n');
    await put('good.csv.gz', body);
    await manifest('good', [{ url: url('good.csv.gz'), mandatory: true, meta: { content_length: body.length } }]);
    expect(await copy('good')).toMatchObject({ Status: 'FINISHED', ResultRows: 3 });
    expect(await answer('SELECT id, v, to_hex(b), json_serialize(j) FROM copied ORDER BY id')).toMatchObject([[{ longValue: 1 }, { stringValue: 'a\nb' }, { stringValue: '00ff' }, { stringValue: '{"k": 1}' }], [{ longValue: 2 }, { isNull: true }, { isNull: true }, { isNull: true }], [{ longValue: 3 }, { stringValue: '' }, { stringValue: '' }, { stringValue: 'null' }]]);
    await manifest('missing', [{ url: url('good.csv.gz'), mandatory: true }, { url: url('none.csv.gz'), mandatory: true }]);
    expect(await copy('missing')).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('mandatory') as string });
    await manifest('short', [{ url: url('good.csv.gz'), mandatory: true, meta: { content_length: 1 } }]);
    expect(await copy('short')).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('content_length') as string });
    expect(await copy('good', "'arn:aws:iam::1:role/other'")).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('not authorized to assume') as string });
    expect(await answer('SELECT count(*) FROM copied')).toMatchObject([[{ longValue: 3 }]]);
  });

  test('a row that does not fit ends it, and the system table says where', async () => {
    await done('CREATE TABLE narrow (id int, v varchar(4))');
    await put('wide.csv.gz', gzipSync('1,ok\n2,"ééé"\n'));
    await manifest('wide', [{ url: url('wide.csv.gz'), mandatory: true }]);
    const told = await one(`COPY narrow FROM '${url('wide')}' IAM_ROLE default FORMAT AS CSV GZIP MANIFEST`);
    expect(told).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('sys_load_error_detail') as string });
    expect(await answer(`SELECT line_number, rtrim(column_name) FROM sys_load_error_detail WHERE query_id = ${told.RedshiftQueryId}`)).toMatchObject([[{ longValue: 2 }, { stringValue: 'v' }]]);
  });

  test('UNLOAD writes a file and a manifest, into an empty place only', async () => {
    const unload = () => one(`UNLOAD ('SELECT id FROM copied WHERE v = \\'\\' OR id = 1') TO '${url('out/')}' IAM_ROLE default FORMAT AS CSV HEADER MANIFEST`);
    expect(await unload()).toMatchObject({ Status: 'FINISHED', ResultRows: 2 });
    expect(await unload()).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('not empty') as string });
  });
});
