import { createHash } from 'node:crypto';
import type { PartitionInput, StorageDescriptor, Table, TableInput } from '@aws-sdk/client-glue';
import { batchColumn } from '../../../domain/column';
import { ConfigurationError } from '../../../domain/errors';
import { tableFiles, type Announcement, type Head, type TableFile, type TableStore } from '../../file-destination';
import { columnsText, type Glue } from './client';
import { catalogType, partitionType, type CatalogColumn } from './types';

/** Where the table's files and the lists of them lie. */
interface Place {
  readonly store: TableStore;
  /** `s3://bucket/prefix/table` */
  readonly root: string;
  /** Of the catalog's table. */
  readonly name: string;
}

const folder = '_millrace/catalog';
const keyOf = (list: string): string => `${folder}/${createHash('sha256').update(list).digest('hex').slice(0, 24)}/files`;
const ownerOf = ({ pipeline, stream }: Pick<Head, 'pipeline' | 'stream'>): Readonly<Record<string, string>> => ({ 'millrace.pipeline': pipeline, 'millrace.stream': stream });

/**
 * Makes the catalog's table consist of exactly the files that the head names. Readers of a catalog read all that lies under a location, so a
 * location holds no data: it holds one list of data files (Hive's symlink format), named by its content. Called again it changes nothing;
 * two at once end at what the newest head names, since each looks at the head again when it is done.
 */
export async function registerTable(glue: Glue, place: Place, what: Announcement): Promise<void> {
  for (;;) {
    const head = (await place.store.readHead())!;
    await registerHead(glue, place, what, head);
    if ((await place.store.readHead())!.number === head.number) return;
  }
}

async function registerHead(glue: Glue, place: Place, { stream, columns }: Announcement, head: Head): Promise<void> {
  const there = await glue.table();
  refuseOther(there, head, stream.to);
  // Merging files changes no columns, and a table that no run has registered yet is registered by the next one.
  const described = columns ? describe(columns, stream) : there && { columns: columnsOf(there), keys: (there.PartitionKeys ?? []) as CatalogColumn[], leftOut: there.Parameters?.['millrace.left_out'] ?? '' };
  if (!described) return;
  const lists = listsOf(await tableFiles(place.store, head), stream.partitionBy, place.root);
  for (const { key, text } of lists) await place.store.createOnce(key, text);

  const location = (key: string): string => `${place.root}/${key.slice(0, -'/files'.length)}/`;
  const partitioned = described.keys.length > 0;
  const input = tableInput(place.name, descriptor(described.columns, partitioned ? `${place.root}/${folder}/` : location(lists[0]!.key)), described, head);
  const gone = [...await putTable(glue, there, input), ...(partitioned ? await putPartitions(glue, described.columns, lists.map(({ key, values }) => ({ values, location: location(key) }))) : [])];
  const kept = new Set(lists.map(({ key }) => location(key)));
  await place.store.remove(gone.filter((one) => !kept.has(one) && one.startsWith(`${place.root}/${folder}/`)).map((one) => `${one.slice(place.root.length + 1)}files`));
}

/** Before anything is written: a table of that name that Millrace did not make for this stream stays as it is. */
export function refuseOther(there: Table | null, { pipeline, stream }: Pick<Head, 'pipeline' | 'stream'>, to: string): void {
  if (!there) return;
  const { 'millrace.pipeline': ownPipeline, 'millrace.stream': ownStream } = there.Parameters ?? {};
  if (ownPipeline === pipeline && ownStream === stream) return;
  const owner = ownPipeline === undefined ? `was not made by Millrace${there.Owner ? ` (owner "${there.Owner}")` : ''}` : `belongs to stream "${ownStream}" of pipeline "${ownPipeline}"`;
  throw new ConfigurationError(`registering "${to}": the table "${there.DatabaseName}.${there.Name}" of the Glue Data Catalog ${owner}; give this stream another table, or drop that one there`);
}

interface Described {
  readonly columns: readonly CatalogColumn[];
  readonly keys: readonly CatalogColumn[];
  /** Columns that the catalog has no type for. */
  readonly leftOut: string;
}

const columnsOf = (table: Table): CatalogColumn[] => (table.StorageDescriptor?.Columns ?? []) as CatalogColumn[];

/** Names are lower case there, and found in the files whatever their case. */
export function describe(columns: NonNullable<Announcement['columns']>, { partitionBy, lineage, to }: Announcement['stream']): Described {
  const all = [...columns.map(({ name, type }) => ({ name, type: catalogType(type), source: type })), ...(lineage ? [{ name: batchColumn, type: 'bigint', source: 'BIGINT' }] : [])];
  const names = all.map(({ name }) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw new ConfigurationError(`registering "${to}": two columns would both be "${twice}" in the Glue Data Catalog, which knows no case; rename one with a rename step`);
  return {
    columns: all.filter(({ name, type }) => type !== null && !partitionBy.includes(name)).map(({ name, type }) => ({ Name: name.toLowerCase(), Type: type! })),
    keys: partitionBy.map((name) => ({ Name: name.toLowerCase(), Type: partitionType(all.find((one) => one.name === name)?.source ?? 'VARCHAR') })),
    leftOut: all.filter(({ name, type }) => type === null && !partitionBy.includes(name)).map(({ name, source }) => `${name} ${source}`).join(', '),
  };
}

interface List {
  readonly key: string;
  readonly text: string;
  readonly values: readonly string[];
}

/** Of each partition the files in it; of a table without partitions all, also where there is none. */
function listsOf(files: readonly TableFile[], by: readonly string[], root: string): readonly List[] {
  const groups = new Map<string, TableFile[]>(by.length === 0 ? [['[]', []]] : []);
  for (const file of files) {
    const values = JSON.stringify(by.map((name) => decodeURIComponent(file.values[name] ?? '')));
    groups.set(values, [...groups.get(values) ?? [], file]);
  }
  return [...groups].map(([values, some]) => {
    const text = some.map(({ path }) => `${root}/${path}\n`).sort().join('');
    return { key: keyOf(`${values}\n${text}`), text, values: JSON.parse(values) as readonly string[] };
  });
}

const descriptor = (columns: readonly CatalogColumn[], Location: string): StorageDescriptor => ({
  Columns: [...columns], Location,
  InputFormat: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat', OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
  SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe', Parameters: { 'serialization.format': '1' } },
});

const tableInput = (Name: string, StorageDescriptor: StorageDescriptor, { keys, leftOut }: Described, head: Head): TableInput => ({
  Name, StorageDescriptor, PartitionKeys: [...keys], TableType: 'EXTERNAL_TABLE',
  Parameters: { EXTERNAL: 'TRUE', classification: 'parquet', ...ownerOf(head), ...(leftOut === '' ? {} : { 'millrace.left_out': leftOut }) },
});

/** Returns the location that is not read any more. */
async function putTable(glue: Glue, there: Table | null, input: TableInput): Promise<readonly string[]> {
  if (!there) {
    await glue.create(input);
    return [];
  }
  if (columnsText(there.PartitionKeys) !== columnsText(input.PartitionKeys)) throw new ConfigurationError(`registering "${there.DatabaseName}.${there.Name}": it is partitioned by ${columnsText(there.PartitionKeys) || 'nothing'} in the Glue Data Catalog, and would be by ${columnsText(input.PartitionKeys) || 'nothing'}, which a catalog cannot change; drop it there and run again`);
  const same = there.StorageDescriptor?.Location === input.StorageDescriptor?.Location && columnsText(there.StorageDescriptor?.Columns) === columnsText(input.StorageDescriptor?.Columns);
  if (!same) await glue.update(input, there.VersionId);
  return [there.StorageDescriptor?.Location ?? ''];
}

/** Returns the locations that are not read any more. A partition has columns of its own, so they change with the table's. */
async function putPartitions(glue: Glue, columns: readonly CatalogColumn[], wanted: readonly { readonly values: readonly string[]; readonly location: string }[]): Promise<readonly string[]> {
  const known = new Map((await glue.partitions()).map((one) => [JSON.stringify(one.values), one]));
  const inputOf = ({ values, location }: (typeof wanted)[number]): PartitionInput => ({ Values: [...values], StorageDescriptor: descriptor(columns, location) });
  const named = new Set(wanted.map(({ values }) => JSON.stringify(values)));
  const changed = wanted.filter(({ values, location }) => {
    const there = known.get(JSON.stringify(values));
    return there && (there.location !== location || there.columns !== columnsText(columns));
  });
  await glue.createPartitions(wanted.filter(({ values }) => !known.has(JSON.stringify(values))).map(inputOf));
  await glue.updatePartitions(changed.map(inputOf));
  const left = [...known.values()].filter(({ values }) => !named.has(JSON.stringify(values)));
  await glue.deletePartitions(left.map(({ values }) => values));
  return [...changed.map(({ values }) => known.get(JSON.stringify(values))!.location), ...left.map(({ location }) => location)];
}
