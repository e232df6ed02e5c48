import { slug } from '../../../domain/ids';
import { ConfigurationError } from '../../../domain/errors';
import type { Announcement, TableStore } from '../../file-destination';
import type { S3Config } from '../config';
import { openGlue, type Glue } from './client';
import { describe, refuseOther, registerTable } from './register';

/** A table's entry in a catalog. */
export interface CatalogEntry {
  /** Throws where the table could not be registered; else what registering it would do, for people. Writes nothing. */
  foresee(what: Announcement & { readonly columns: NonNullable<Announcement['columns']> }): Promise<readonly string[]>;
  announce(store: TableStore, what: Announcement): Promise<void>;
}

export interface Catalog {
  /** @param to the stream's `to` @param root `s3://bucket/prefix/table` */
  entry(to: string, root: string): CatalogEntry;
  close(): void;
}

/** Null: the connection has none. */
export function openCatalog(config: S3Config): Catalog | null {
  const settings = config.catalog;
  if (!settings) return null;
  const opened = new Map<string, Glue>();
  return {
    entry(to, root) {
      const [database, table] = namesOf(to, settings.database);
      // A table is opened often in one activity, and most of them have nothing to say to the catalog.
      const glue = (): Glue => {
        const there = opened.get(to) ?? openGlue(config, settings, database, table);
        opened.set(to, there);
        return there;
      };
      return {
        async foresee({ pipeline, stream, columns }) {
          const format = stream.targetFormat?.name ?? 'parquet';
          if (format !== 'parquet') throw new ConfigurationError(`registering "${to}" in the Glue Data Catalog: its files are ${format}, and only Parquet tables are registered; write "target: { format: parquet }", or leave "catalog" out of the connection`);
          const { keys, columns: described, leftOut } = describe(columns, stream);
          const there = await glue().table();
          refuseOther(there, { pipeline, stream: stream.stream }, to);
          const by = keys.length > 0 ? ` partitioned by ${keys.map(({ Name }) => Name).join(', ')}` : '';
          return [`Glue Data Catalog: ${there ? 'update' : 'create'} table ${database}.${table} (${described.length} columns)${by}${leftOut === '' ? '' : `; not described there: ${leftOut}`}`];
        },
        announce: (store, what) => registerTable(glue(), { store, root, name: table }, what),
      };
    },
    close: () => { for (const glue of opened.values()) glue.close(); },
  };
}

/** `sales.orders` → database sales, table orders; with a database of the connection, table sales_orders in that. */
function namesOf(to: string, database: string | undefined): readonly [database: string, table: string] {
  const parts = to.split('.').map(slug);
  if (database !== undefined || parts.length === 1) return [database ?? 'default', parts.join('_')];
  return [parts[0]!, parts.slice(1).join('_')];
}
