import { slug } from '../../domain/ids';
import { openObjectStore } from '../../stores/object-store';
import type { ConnectorContext, Destination } from '../connector';
import { openFileDestination } from '../file-destination';
import type { S3Config } from './config';
import { s3Table } from './table-store';

/** Tables as prefixes of a bucket. */
export function openS3Destination(config: S3Config, context: ConnectorContext): Promise<Destination> {
  const store = openObjectStore(config, 'destination');
  return openFileDestination({
    async check() {
      try {
        await store.probe();
        return { ok: true, messages: [`"${context.connection}": ${store.name}`] };
      } catch (error) {
        return { ok: false, messages: [error instanceof Error ? error.message : String(error)] };
      }
    },
    open: (to) => s3Table(store, to.split('.').map(slug).join('/')),
    close: async () => store.close(),
  }, context);
}
