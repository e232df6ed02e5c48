import { SourceHeldError } from '../../domain/errors';
import { isChanged, openObjectStore, type ObjectEntry } from '../../stores/object-store';
import type { ConnectorContext } from '../connector';
import { hasWildcard, matcherOf, type FileEntry, type Place } from '../file-source';
import type { S3Config } from './config';

/** A prefix of a bucket. An object's version is its etag; each reading demands it, so a replaced object is noticed. */
export function s3Place(config: S3Config, context: ConnectorContext): Place {
  const store = openObjectStore(config, 'source');
  const label = (path: string): string => `${store.name}/${path}`;
  return {
    async check() {
      try {
        await store.probe();
        return { ok: true, messages: [`"${context.connection}": ${store.name}`] };
      } catch (error) {
        return { ok: false, messages: [error instanceof Error ? error.message : String(error)] };
      }
    },
    async list(pattern, signal) {
      const exact = await store.describe(pattern);
      if (exact) return [entryOf(exact)];
      // Also where no object is named: a bucket that is missing must not look like one without files.
      const matches = matcherOf(pattern);
      const found: FileEntry[] = [];
      for await (const entry of store.list(fixedPart(pattern))) {
        signal.throwIfAborted();
        // An empty object whose key ends so is how consoles show a folder.
        if (!entry.key.endsWith('/') && matches(entry.key)) found.push(entryOf(entry));
      }
      return found;
    },
    async find(path) {
      const found = await store.describe(path);
      return found && entryOf(found);
    },
    async fetch(entry, to, control, range) {
      try {
        await store.download(entry.path, to, { etag: entry.version, signal: control.signal, progress: (bytes) => control.progress({ bytes }), ...(range ? { range } : {}) });
      } catch (error) {
        if (control.signal.aborted) throw control.signal.reason;
        if (!isChanged(error)) throw error;
        throw new SourceHeldError(`reading "${label(entry.path)}": it has changed since the run was planned; put it back as it was and "millrace resume RUN", or cancel and run the pipeline again`, { file: entry.path });
      }
    },
    label,
    close: async () => store.close(),
  };
}

const entryOf = ({ key, size, etag }: ObjectEntry): FileEntry => ({ path: key, size, version: etag });

/** What a listing can be narrowed to: everything before the first wildcard. */
const fixedPart = (pattern: string): string => (hasWildcard(pattern) ? pattern.slice(0, pattern.search(/[*?[{]/)) : pattern);
