import { BatchDeletePartitionCommand, CreateDatabaseCommand, CreateTableCommand, GetTableCommand, GlueClient, UpdateTableCommand, type StorageDescriptor } from '@aws-sdk/client-glue';
import { catalogType } from '../../src/connectors/s3/catalog/types';
import { readCatalog, startCatalog, type Catalog, type Read } from '../support/glue';
import { createLake, type Lake } from '../support/lake';

/** Tables of the lake in a catalog: whoever goes by it reads exactly what the head names. */
let catalog: Catalog;
let lake: Lake;
beforeAll(async () => {
  catalog = await startCatalog();
  lake = await createLake(`, catalog: { type: glue, database: lake, endpoint: "${catalog.url}" }`);
  await lake.place.startWorker();
});
afterAll(async () => {
  await lake.close();
  await catalog.close();
});

const read = (table: string): Promise<Read> => readCatalog(catalog, lake.settings, 'lake', table);
const sums = 'SELECT month, count(*)::VARCHAR AS n, sum(id)::VARCHAR AS ids, sum(amount)::VARCHAR AS amount FROM t GROUP BY 1 ORDER BY 1';
const expectSame = async (table: string): Promise<void> =>
  expect(await (await read(table)).rows(sums)).toEqual(await lake.source.rows(`SELECT month, count(*)::text AS n, sum(id)::text AS ids, sum(amount)::text AS amount FROM ${table} GROUP BY 1 ORDER BY 1`));
const writes = async (): Promise<readonly string[]> => (await catalog.asked()).filter((operation) => /Create|Update|Delete/.test(operation));

test('a partitioned table is registered, follows each run and each merging, and gets new columns in old partitions too', async () => {
  await lake.grow('sales');
  const text = lake.yaml('bucket', 'sales');
  expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
  const first = await read('sales');
  expect(first.table).toMatchObject({
    TableType: 'EXTERNAL_TABLE', Parameters: { classification: 'parquet', 'millrace.pipeline': 'sales', 'millrace.stream': 'sales' }, PartitionKeys: [{ Name: 'month', Type: 'string' }],
    StorageDescriptor: { Columns: [{ Name: 'id', Type: 'bigint' }, { Name: 'amount', Type: 'decimal(12,2)' }, { Name: 'at', Type: 'timestamp' }, { Name: '_millrace_batch_id', Type: 'bigint' }] },
  });
  expect(first.partitions).toEqual(['2026-01', '2026-02']);
  await expectSame('sales');

  expect(await writes()).not.toEqual([]);
  expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 0 });
  expect(await writes()).toEqual([]);

  await lake.source.run('ALTER TABLE sales ADD COLUMN note text');
  await lake.grow('sales');
  expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
  const second = await read('sales');
  expect(second.table.StorageDescriptor!.Columns!.map(({ Name }) => Name)).toContain('note');
  await expectSame('sales');

  expect(await lake.compact(text)).toMatchObject([{ into: 2 }]);
  expect((await read('sales')).files).toHaveLength(2);
  await expectSame('sales');
});

test('what cannot be registered is told before anything is written', async () => {
  await lake.grow('foreign_one');
  const descriptor: StorageDescriptor = { Columns: [{ Name: 'id', Type: 'bigint' }], Location: 's3://elsewhere/x/', InputFormat: 'i', OutputFormat: 'o', SerdeInfo: { SerializationLibrary: 's' } };
  await catalog.client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'lake' } })).catch(() => undefined);
  await catalog.client.send(new CreateTableCommand({ DatabaseName: 'lake', TableInput: { Name: 'foreign_one', Owner: 'finance', TableType: 'EXTERNAL_TABLE', Parameters: { EXTERNAL: 'TRUE' }, StorageDescriptor: descriptor } }));
  const messageOf = async (text: string): Promise<string> => (await lake.place.run(text)).streams[0]!.error!.message;
  expect(await messageOf(lake.yaml('bucket', 'foreign_one'))).toContain('"lake.foreign_one" of the Glue Data Catalog was not made by Millrace (owner "finance")');
  expect(await lake.filesOf('bucket', 'foreign_one')).toEqual([]);
  expect(await messageOf(lake.yaml('bucket', 'foreign_one').replace('target: {', 'target: { format: csv,'))).toContain('only Parquet tables are registered');
  await lake.grow('denied');
  await catalog.fault({ operation: 'GetTable', kind: 'denied' });
  expect(await messageOf(lake.yaml('bucket', 'denied'))).toContain('grant glue:GetTable on arn:aws:glue:REGION:ACCOUNT:catalog, …:database/lake and …:table/lake/denied');
  expect(await lake.filesOf('bucket', 'denied')).toEqual([]);
});

test.each([
  ['DECIMAL(38,9)', 'decimal(38,9)'], ['TIMESTAMP WITH TIME ZONE', 'timestamp'], ['INTEGER[]', 'array<int>'], ['MAP(VARCHAR, DATE[])', 'map<string,array<date>>'],
  ['STRUCT(a INTEGER, "b" STRUCT(c VARCHAR))', 'struct<a:int,b:struct<c:string>>'], ['STRUCT("a, b" INTEGER)', null], ['UBIGINT', null], ['TIME', null], ['INTERVAL', null], ['UUID', 'binary'], ['BLOB[]', 'array<binary>'],
])('%s is %s in the catalog', (type, expected) => expect(catalogType(type)).toBe(expected));

describe('the simulator', () => {
  test('refuses what is not signed, and what the catalog would not take', async () => {
    const stranger = new GlueClient({ endpoint: catalog.url, region: 'us-east-1', credentials: { accessKeyId: 'nobody', secretAccessKey: 'x' } });
    await expect(stranger.send(new GetTableCommand({ DatabaseName: 'lake', Name: 'sales' }))).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
    stranger.destroy();
    const descriptor = (Type: string): StorageDescriptor => ({ Columns: [{ Name: 'id', Type }], Location: 's3://b/x/', InputFormat: 'i', OutputFormat: 'o', SerdeInfo: { SerializationLibrary: 's' } });
    const input = (Type: string) => ({ Name: 'sales', TableType: 'EXTERNAL_TABLE', Parameters: { EXTERNAL: 'TRUE' }, StorageDescriptor: descriptor(Type) });
    await expect(catalog.client.send(new UpdateTableCommand({ DatabaseName: 'lake', TableInput: input('BIGINT') }))).rejects.toMatchObject({ name: 'InvalidInputException' });
    await expect(catalog.client.send(new UpdateTableCommand({ DatabaseName: 'lake', TableInput: input('bigint'), VersionId: '99' }))).rejects.toMatchObject({ name: 'ConcurrentModificationException' });
    const many = Array.from({ length: 26 }, (_none, index) => ({ Values: [String(index)] }));
    await expect(catalog.client.send(new BatchDeletePartitionCommand({ DatabaseName: 'lake', TableName: 'sales', PartitionsToDelete: many }))).rejects.toMatchObject({ name: 'InvalidInputException' });
  });
});
