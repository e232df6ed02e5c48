import { slug } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StagingStore } from './staging';

/** One link of a pipeline's chain: the hash of a document, and where it lies. */
export interface ChainLink {
  readonly hash: string;
  readonly receipt: string;
}

const chainFolder = (pipeline: string): string => `${slug(pipeline)}/chain`;

/** Keys of a pipeline's links, in order. */
export const chainOf = (staging: StagingStore, pipeline: string): Promise<readonly string[]> => staging.list(chainFolder(pipeline));
/** `…/chain/00000007.json` → 7. */
export const linkNumber = (key: string): number => Number.parseInt(key.split('/').at(-1)!, 10);

const readLink = async (staging: StagingStore, key: string): Promise<ChainLink> => JSON.parse((await staging.read(key))!) as ChainLink;

/** Hash of the last receipt or change of state of a pipeline; null: there is none yet. */
export async function lastHash(staging: StagingStore, pipeline: string): Promise<string | null> {
  const last = (await chainOf(staging, pipeline)).at(-1);
  return last === undefined ? null : (await readLink(staging, last)).hash;
}

/** How far back a second visit looks for its own link: others may have been appended since, where two servers ran one pipeline at once. */
const lookBack = 20;

/** Appends to the pipeline's chain; a second visit finds it there, and two at once take one place each. */
export async function appendToChain(staging: StagingStore, pipeline: string, link: ChainLink): Promise<void> {
  for (;;) {
    const keys = await chainOf(staging, pipeline);
    const last = await Promise.all(keys.slice(-lookBack).map((key) => readLink(staging, key)));
    if (last.some(({ hash }) => hash === link.hash)) return;
    const next = String(keys.length === 0 ? 1 : linkNumber(keys.at(-1)!) + 1).padStart(8, '0');
    const there = JSON.parse(await staging.putIfAbsent(`${chainFolder(pipeline)}/${next}.json`, canonicalJson(link))) as ChainLink;
    if (there.hash === link.hash) return;
  }
}
