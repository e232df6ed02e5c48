import type { ErrorDetail, GlueClient, PartitionInput, Table, TableInput } from '@aws-sdk/client-glue';
import type { S3Config } from '../config';
import { catalogError, isNamed } from './errors';
import type { CatalogSettings } from './settings';

/** Partitions of one request, by what Glue takes. */
const most = { BatchCreatePartition: 100, BatchUpdatePartition: 100, BatchDeletePartition: 25 } as const;

/** What is needed of the Glue Data Catalog, for one table. */
export interface Glue {
  /** Null: no such table, or no such database. */
  table(): Promise<Table | null>;
  /** The database is made where it is not there. */
  create(input: TableInput): Promise<void>;
  /** @param version what was read: a table that somebody has changed since is not overwritten */
  update(input: TableInput, version: string | undefined): Promise<void>;
  partitions(): Promise<readonly { readonly values: readonly string[]; readonly location: string; readonly columns: string }[]>;
  createPartitions(inputs: readonly PartitionInput[]): Promise<void>;
  updatePartitions(inputs: readonly PartitionInput[]): Promise<void>;
  deletePartitions(values: readonly (readonly string[])[]): Promise<void>;
  close(): void;
}

/** Columns as one text, to tell whether they are the same. */
export const columnsText = (columns: readonly { readonly Name?: string | undefined; readonly Type?: string | undefined }[] = []): string => columns.map(({ Name, Type }) => `${Name} ${Type}`).join(', ');

export function openGlue(config: S3Config, settings: CatalogSettings, DatabaseName: string, name: string): Glue {
  // The SDK of a catalog is loaded by those who have one.
  const sdk = require('@aws-sdk/client-glue') as typeof import('@aws-sdk/client-glue');
  const client: GlueClient = new sdk.GlueClient(clientConfig(config, settings));
  const said = `${DatabaseName}.${name}`;
  const guarded = async <Result>(operation: string, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw isNamed(error, 'EntityNotFoundException') || isNamed(error, 'AlreadyExistsException') ? error : catalogError(error, operation, said);
    }
  };
  const at = { DatabaseName, TableName: name };
  const batches = async <Item>(operation: keyof typeof most, items: readonly Item[], send: (some: Item[]) => Promise<{ Errors?: readonly { ErrorDetail?: ErrorDetail | undefined }[] | undefined }>, fine: string): Promise<void> => {
    for (let from = 0; from < items.length; from += most[operation]) {
      await guarded(operation, async () => {
        const bad = ((await send(items.slice(from, from + most[operation]))).Errors ?? []).find(({ ErrorDetail }) => ErrorDetail?.ErrorCode !== fine)?.ErrorDetail;
        if (bad) throw Object.assign(new Error(bad.ErrorMessage ?? 'a partition was refused'), { name: bad.ErrorCode ?? 'PartitionError', $metadata: { httpStatusCode: 400 } });
      });
    }
  };

  return {
    table: () => guarded('GetTable', async () => {
      try {
        return (await client.send(new sdk.GetTableCommand({ DatabaseName, Name: name }))).Table ?? null;
      } catch (error) {
        if (isNamed(error, 'EntityNotFoundException')) return null;
        throw error;
      }
    }),
    async create(TableInput) {
      const create = () => guarded('CreateTable', () => client.send(new sdk.CreateTableCommand({ DatabaseName, TableInput })));
      await create().catch(async (error: unknown) => {
        if (!isNamed(error, 'EntityNotFoundException')) throw error;
        await guarded('CreateDatabase', () => client.send(new sdk.CreateDatabaseCommand({ DatabaseInput: { Name: DatabaseName } }))).catch((again: unknown) => {
          if (!isNamed(again, 'AlreadyExistsException')) throw again;
        });
        await create();
      });
    },
    update: (TableInput, VersionId) => guarded('UpdateTable', async () => { await client.send(new sdk.UpdateTableCommand({ DatabaseName, TableInput, SkipArchive: true, ...(VersionId === undefined ? {} : { VersionId }) })); }),
    partitions: () => guarded('GetPartitions', async () => {
      const found: { values: readonly string[]; location: string; columns: string }[] = [];
      for await (const page of sdk.paginateGetPartitions({ client }, at)) {
        found.push(...(page.Partitions ?? []).map(({ Values, StorageDescriptor }) => ({ values: Values ?? [], location: StorageDescriptor?.Location ?? '', columns: columnsText(StorageDescriptor?.Columns) })));
      }
      return found;
    }),
    createPartitions: (inputs) => batches('BatchCreatePartition', inputs, (some) => client.send(new sdk.BatchCreatePartitionCommand({ ...at, PartitionInputList: some })), 'AlreadyExistsException'),
    updatePartitions: (inputs) => batches('BatchUpdatePartition', inputs, (some) => client.send(new sdk.BatchUpdatePartitionCommand({ ...at, Entries: some.map((PartitionInput) => ({ PartitionValueList: PartitionInput.Values, PartitionInput })) })), 'none'),
    deletePartitions: (values) => batches('BatchDeletePartition', values, (some) => client.send(new sdk.BatchDeletePartitionCommand({ ...at, PartitionsToDelete: some.map((Values) => ({ Values: [...Values] })) })), 'EntityNotFoundException'),
    close: () => client.destroy(),
  };
}

function clientConfig({ region, profile, access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken }: S3Config, settings: CatalogSettings) {
  const where = settings.region ?? region ?? (settings.endpoint ? 'us-east-1' : undefined);
  return {
    ...(where ? { region: where } : {}), ...(settings.endpoint ? { endpoint: settings.endpoint } : {}), ...(profile ? { profile } : {}), maxAttempts: 4,
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } } : {}),
  };
}
