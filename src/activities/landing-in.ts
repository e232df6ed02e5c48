import { rm } from 'node:fs/promises';
import type { LandedPage, Landing, Pages } from '../connectors/connector';
import { canonicalJson } from '../domain/json';
import type { StagingStore } from '../stores/staging';

/** `discard`: what a failed reading leaves goes at once, apart from its pages; on a full disk each further attempt would else find less room. */
export function landingIn(staging: StagingStore, prefix: string): { readonly landing: Landing; discard(): Promise<void> } {
  const made = new Map<string, string>();
  return {
    landing: {
      async create(extension) {
        const place = await staging.create(prefix, extension);
        made.set(place.key, place.path);
        return place;
      },
      seal: async (key, facts, measured) => ({ ...(await staging.seal(key, measured)), ...facts }),
      // Before it is recorded: where the answer is lost, the page may be there all the same.
      pages: pagesIn(staging, prefix, (page) => { for (const { key } of page.files) made.delete(key); }),
    },
    async discard() {
      for (const file of made.values()) await rm(file, { force: true });
    },
  };
}

function pagesIn(staging: StagingStore, prefix: string, keep: (page: LandedPage) => void): Pages {
  const keyOf = (number: number): string => `${prefix}/page-${String(number).padStart(5, '0')}.json`;
  return {
    async find(number) {
      const text = await staging.read(keyOf(number));
      return text === null ? null : JSON.parse(text) as LandedPage;
    },
    async record(number, page) {
      keep(page);
      return JSON.parse(await staging.putIfAbsent(keyOf(number), canonicalJson(page))) as LandedPage;
    },
  };
}
