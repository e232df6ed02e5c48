import { slug } from '../../domain/ids';
import { openObjectStore } from '../../stores/object-store';
import type { ConnectorContext, Destination } from '../connector';
import { openFileDestination } from '../file-destination';
import { openCatalog } from './catalog';
import type { S3Config } from './config';
import { s3Table } from './table-store';

/** Tables as prefixes of a bucket. */
export function openS3Destination(config: S3Config, context: ConnectorContext): Promise<Destination> {
  const store = openObjectStore(config, 'destination');
  const catalog = openCatalog(config);
  return openFileDestination({
    async check() {
      try {
        await store.probe();
        return { ok: true, messages: [`"${context.connection}": ${store.name}`] };
      } catch (error) {
        return { ok: false, messages: [error instanceof Error ? error.message : String(error)] };
      }
    },
    open(to) {
      const folder = to.split('.').map(slug).join('/');
      const table = s3Table(store, folder);
      const entry = catalog?.entry(to, `${store.name}/${folder}`);
      return entry ? { ...table, foresee: (what) => entry.foresee(what), announce: (what) => entry.announce(table, what) } : table;
    },
    async close() {
      store.close();
      catalog?.close();
    },
  }, context);
}
