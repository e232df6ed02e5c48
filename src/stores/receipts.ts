import { slug } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StagingStore } from './staging';

/** One link of a pipeline's chain: the hash of a document, and where it lies. */
export interface ChainLink {
  readonly hash: string;
  readonly receipt: string;
}

const chainFolder = (pipeline: string): string => `${slug(pipeline)}/chain`;

/** Hash of the last receipt or change of state of a pipeline; null: there is none yet. */
export async function lastHash(staging: StagingStore, pipeline: string): Promise<string | null> {
  const last = (await staging.list(chainFolder(pipeline))).at(-1);
  return last ? (JSON.parse((await staging.read(last))!) as ChainLink).hash : null;
}

/** Appends to the pipeline's chain, under its lock; a second visit finds it there. */
export async function appendToChain(staging: StagingStore, pipeline: string, link: ChainLink): Promise<void> {
  if ((await lastHash(staging, pipeline)) === link.hash) return;
  const next = String((await staging.list(chainFolder(pipeline))).length + 1).padStart(8, '0');
  await staging.putIfAbsent(`${chainFolder(pipeline)}/${next}.json`, canonicalJson(link));
}
