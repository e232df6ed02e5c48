// Databases, tables and partitions as the catalog keeps them, with the refusals of the service.
export class ServiceError extends Error {
  constructor(type, message) { super(message); this.type = type; }
}
const invalid = (message) => { throw new ServiceError('InvalidInputException', message); };
const missing = (what) => { throw new ServiceError('EntityNotFoundException', `${what} not found.`); };

/** Hive's types: primitives, decimal(p,s), array<…>, map<…,…>, struct<name:…>. */
export function isType(text) {
  if (/^(boolean|tinyint|smallint|int|bigint|float|double|string|binary|date|timestamp|varchar\(\d+\)|char\(\d+\))$/.test(text)) return true;
  const decimal = /^decimal\((\d+),(\d+)\)$/.exec(text);
  if (decimal) return Number(decimal[1]) >= 1 && Number(decimal[1]) <= 38 && Number(decimal[2]) <= Number(decimal[1]);
  const [, kind, inner] = /^(array|map|struct)<(.*)>$/.exec(text) ?? [];
  if (!kind) return false;
  const parts = split(inner);
  if (kind === 'array') return parts.length === 1 && isType(parts[0]);
  if (kind === 'map') return parts.length === 2 && isType(parts[0]) && isType(parts[1]);
  return parts.length > 0 && parts.every((part) => /^\w+:/.test(part) && isType(part.slice(part.indexOf(':') + 1)));
}
function split(text) {
  const parts = [];
  let [depth, start] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    if ('<('.includes(text[at])) depth += 1;
    if ('>)'.includes(text[at])) depth -= 1;
    if (text[at] === ',' && depth === 0) { parts.push(text.slice(start, at)); start = at + 1; }
  }
  return [...parts, text.slice(start)];
}

const name = (text, what) => {
  if (typeof text !== 'string' || text.length < 1 || text.length > 255) invalid(`${what}: 1 to 255 characters`);
  // The service folds case; a client that goes by another spelling afterwards is told early.
  if (text !== text.toLowerCase()) invalid(`${what} "${text}": the catalog keeps names in lower case`);
  return text;
};
const columns = (list, what) => {
  if (!Array.isArray(list)) invalid(`${what} must be a list`);
  for (const { Name, Type, ...more } of list) {
    name(Name, `${what}: column`);
    if (!isType(Type)) invalid(`${what}: column "${Name}" has the type "${Type}", which Hive has not`);
    const others = Object.keys(more).filter((key) => !['Comment', 'Parameters'].includes(key));
    if (others.length > 0) invalid(`${what}: column "${Name}" has unknown members ${others.join(', ')}`);
  }
  if (new Set(list.map(({ Name }) => Name)).size !== list.length) invalid(`${what}: a column is there twice`);
  return list;
};
function descriptor({ Columns, Location, InputFormat, OutputFormat, SerdeInfo, ...more } = {}, what) {
  columns(Columns, what);
  if (!/^s3:\/\/[^/]+\/.*\/$/.test(Location ?? '')) invalid(`${what}: Location must be s3://bucket/…/, it is "${Location}"`);
  if (!InputFormat || !OutputFormat || !SerdeInfo?.SerializationLibrary) invalid(`${what}: InputFormat, OutputFormat and SerdeInfo are needed to read it`);
  if (Object.keys(more).length > 0) invalid(`${what}: unknown members ${Object.keys(more).join(', ')}`);
}

export function createCatalog({ pageSize }) {
  const databases = new Map();
  const keyOf = (values) => JSON.stringify(values);
  const tableOf = ({ DatabaseName, TableName }) => databases.get(DatabaseName)?.get(TableName) ?? missing(`Table ${TableName} of database ${DatabaseName}`);
  const shown = (database, { Name, version, input, created, updated }) => ({ ...input, Name, DatabaseName: database, CreateTime: created, UpdateTime: updated, VersionId: String(version), CatalogId: '000000000000', IsRegisteredWithLakeFormation: false });
  function checkTable({ Name, StorageDescriptor, PartitionKeys = [], TableType, Parameters = {}, ...more }) {
    name(Name, 'Table name');
    descriptor(StorageDescriptor, 'StorageDescriptor');
    columns(PartitionKeys, 'PartitionKeys');
    const both = PartitionKeys.find((key) => StorageDescriptor.Columns.some((column) => column.Name === key.Name));
    if (both) invalid(`"${both.Name}" is a column and a partition key; readers refuse such a table`);
    if (TableType !== 'EXTERNAL_TABLE' || Parameters.EXTERNAL !== 'TRUE') invalid('only external tables are simulated: TableType EXTERNAL_TABLE and the parameter EXTERNAL=TRUE');
    const others = Object.keys(more).filter((key) => !['Description', 'Owner', 'Retention'].includes(key));
    if (others.length > 0) invalid(`TableInput has unknown members ${others.join(', ')}`);
  }
  const checkPartition = (table, { Values, StorageDescriptor }) => {
    if (!Array.isArray(Values) || Values.length !== (table.input.PartitionKeys ?? []).length) invalid('The number of partition keys do not match the number of partition values');
    if (Values.some((value) => typeof value !== 'string' || value === '')) invalid('Partition values are texts of at least one character');
    descriptor(StorageDescriptor, 'StorageDescriptor of a partition');
  };
  const each = (list, most, what, work) => {
    if (!Array.isArray(list) || list.length < 1 || list.length > most) invalid(`${what}: 1 to ${most} partitions at a time`);
    return list.flatMap((one) => {
      try { work(one); return []; } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        return [{ PartitionValues: one.Values ?? one.PartitionValueList, ErrorDetail: { ErrorCode: error.type, ErrorMessage: error.message } }];
      }
    });
  };

  return {
    CreateDatabase({ DatabaseInput: { Name } }) {
      if (databases.has(name(Name, 'Database name'))) throw new ServiceError('AlreadyExistsException', `Database ${Name} already exists.`);
      databases.set(Name, new Map());
      return {};
    },
    GetDatabase: ({ Name }) => (databases.has(Name) ? { Database: { Name } } : missing(`Database ${Name}`)),
    GetTable({ DatabaseName, Name }) {
      return { Table: shown(DatabaseName, tableOf({ DatabaseName, TableName: Name })) };
    },
    CreateTable({ DatabaseName, TableInput }) {
      const tables = databases.get(DatabaseName) ?? missing(`Database ${DatabaseName}`);
      checkTable(TableInput);
      if (tables.has(TableInput.Name)) throw new ServiceError('AlreadyExistsException', `Table ${TableInput.Name} already exists.`);
      const now = Date.now() / 1000;
      tables.set(TableInput.Name, { Name: TableInput.Name, version: 0, input: TableInput, created: now, updated: now, partitions: new Map() });
      return {};
    },
    UpdateTable({ DatabaseName, TableInput, VersionId }) {
      const table = tableOf({ DatabaseName, TableName: TableInput.Name });
      checkTable(TableInput);
      if (VersionId !== undefined && VersionId !== String(table.version)) throw new ServiceError('ConcurrentModificationException', `Table ${TableInput.Name} has version ${table.version}, not ${VersionId}`);
      if (JSON.stringify(table.input.PartitionKeys ?? []) !== JSON.stringify(TableInput.PartitionKeys ?? []) && table.partitions.size > 0) invalid('the partition keys of a table that has partitions stay as they are');
      Object.assign(table, { input: TableInput, version: table.version + 1, updated: Date.now() / 1000 });
      return {};
    },
    DeleteTable({ DatabaseName, Name }) {
      tableOf({ DatabaseName, TableName: Name });
      databases.get(DatabaseName).delete(Name);
      return {};
    },
    GetPartitions({ NextToken, ...at }) {
      const all = [...tableOf(at).partitions.values()].sort((left, right) => (keyOf(left.Values) < keyOf(right.Values) ? -1 : 1));
      const from = NextToken === undefined ? 0 : Number(NextToken);
      if (!Number.isInteger(from) || from < 0) invalid('the token is not one that was given');
      return { Partitions: all.slice(from, from + pageSize).map((one) => ({ ...one, DatabaseName: at.DatabaseName, TableName: at.TableName })), ...(from + pageSize < all.length ? { NextToken: String(from + pageSize) } : {}) };
    },
    BatchCreatePartition({ PartitionInputList, ...at }) {
      const table = tableOf(at);
      return { Errors: each(PartitionInputList, 100, 'BatchCreatePartition', (input) => {
        checkPartition(table, input);
        if (table.partitions.has(keyOf(input.Values))) throw new ServiceError('AlreadyExistsException', 'Partition already exists.');
        table.partitions.set(keyOf(input.Values), input);
      }) };
    },
    BatchUpdatePartition({ Entries, ...at }) {
      const table = tableOf(at);
      return { Errors: each(Entries, 100, 'BatchUpdatePartition', ({ PartitionValueList, PartitionInput }) => {
        if (!table.partitions.delete(keyOf(PartitionValueList))) missing('Partition');
        checkPartition(table, PartitionInput);
        table.partitions.set(keyOf(PartitionInput.Values), PartitionInput);
      }) };
    },
    BatchDeletePartition({ PartitionsToDelete, ...at }) {
      const table = tableOf(at);
      return { Errors: each(PartitionsToDelete, 25, 'BatchDeletePartition', ({ Values }) => { if (!table.partitions.delete(keyOf(Values))) missing('Partition'); }) };
    },
  };
}

/** Members of each operation's input; others are refused, as a typed service would. */
export const members = {
  CreateDatabase: ['DatabaseInput'], GetDatabase: ['Name'], GetTable: ['DatabaseName', 'Name'], CreateTable: ['DatabaseName', 'TableInput'], UpdateTable: ['DatabaseName', 'TableInput', 'VersionId', 'SkipArchive'], DeleteTable: ['DatabaseName', 'Name'],
  GetPartitions: ['DatabaseName', 'TableName', 'NextToken'], BatchCreatePartition: ['DatabaseName', 'TableName', 'PartitionInputList'], BatchUpdatePartition: ['DatabaseName', 'TableName', 'Entries'], BatchDeletePartition: ['DatabaseName', 'TableName', 'PartitionsToDelete'],
};
