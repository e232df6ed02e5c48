import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/json';
import type { RunSummary } from '../domain/receipt';
import { chainOf, linkNumber, type ChainLink } from '../stores/receipts';
import type { StagingStore } from '../stores/staging';

/** Documents read at once. */
const together = 16;

/** Of a document with its own hash in it: what the hash is over. */
export const hashOf = (content: object): string => createHash('sha256').update(canonicalJson(content)).digest('hex');

interface Link {
  readonly key: string;
  /** Null: the link cannot be read. */
  readonly link: ChainLink | null;
  /** Null: the document that it names is gone. */
  readonly text: string | null;
}

/** Receipts are chained by hash and never change: what no longer fits was changed, taken away or put there by somebody else. */
export async function receiptProblems(staging: StagingStore, receipt: RunSummary): Promise<readonly string[]> {
  const { hash, ...content } = receipt;
  const own = hashOf(content) === hash ? [] : ['the receipt was changed: its hash is not that of its content'];
  const { problems, hashes } = await chainProblems(staging, receipt.run.pipeline);
  return [...own, ...(hashes.has(hash) ? [] : ['the pipeline\'s chain of receipts does not have it']), ...problems];
}

async function chainProblems(staging: StagingStore, pipeline: string): Promise<{ readonly problems: readonly string[]; readonly hashes: ReadonlySet<string> }> {
  const keys = await chainOf(staging, pipeline);
  const hashes = new Set<string>();
  const problems = gapsIn(keys);
  for (let at = 0; at < keys.length; at += together) {
    for (const { key, link, text } of await Promise.all(keys.slice(at, at + together).map((one) => readLink(staging, one)))) {
      const problem = link === null ? `link "${key}" of the chain cannot be read` : linkProblem(link, text, hashes);
      if (problem) problems.push(problem);
      if (link) hashes.add(link.hash);
    }
  }
  return { problems, hashes };
}

function gapsIn(keys: readonly string[]): string[] {
  const numbers = keys.map(linkNumber);
  return numbers.flatMap((number, index) => (number === (numbers[index - 1] ?? 0) + 1 ? [] : [`${number - (numbers[index - 1] ?? 0) - 1} links before "${keys[index]}" are gone from the chain`]));
}

async function readLink(staging: StagingStore, key: string): Promise<Link> {
  const link = parsed<ChainLink>(await staging.read(key));
  return { key, link, text: link && await staging.read(link.receipt) };
}

/** Two runs that ended at one moment, on two servers, may name the same one before them: any earlier one will do. */
function linkProblem({ receipt, hash }: ChainLink, text: string | null, earlier: ReadonlySet<string>): string | null {
  if (text === null) return `"${receipt}" is gone from staging`;
  const document = parsed<Partial<RunSummary>>(text);
  if (!document) return `"${receipt}" cannot be read`;
  const { hash: stated, ...content } = document;
  if (stated !== hash || hashOf(content) !== hash) return `"${receipt}" was changed: its hash is not the one in the chain`;
  if (document.previous === null ? earlier.size > 0 : !earlier.has(document.previous!)) return `"${receipt}" follows a receipt that the chain does not have`;
  return null;
}

function parsed<Content>(text: string | null): Content | null {
  try {
    return text === null ? null : (JSON.parse(text) as Content);
  } catch {
    return null;
  }
}
