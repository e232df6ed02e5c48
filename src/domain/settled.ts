import type { BatchAudit, TableAudit } from './audit';
import type { ProofDocument } from './stream-proof';

/** A run in a table, as far as it tells what the table should be. */
export interface Writing {
  /** Path of the run. */
  readonly run: string;
  readonly document: ProofDocument;
  /** Rows that it published. */
  readonly loaded: number;
  /** It has read the whole source: nothing left out, nothing rejected. */
  readonly whole: boolean;
}

interface Content {
  readonly rows: number;
  readonly fingerprint: bigint;
}

/**
 * The last run that has read the whole source, if no other has loaded rows since, where the table is exactly what it read: whichever batches the rows are of, they are right.
 * Where the first run into the table read the same rows, what it left of them is right too: keys that the source has twice are loaded once. Null: it cannot be told.
 * @param writings newest first @param audit of all their batches
 */
export function settledBy(writings: readonly Writing[], audit: TableAudit): string | null {
  const last = writings.find(({ whole, loaded }) => whole || loaded > 0);
  const there = contentOf(audit);
  if (!last?.whole || !there || last.document.fingerprint === null) return null;
  const batches = new Map(audit.batches.map((batch) => [batch.id, batch]));
  const first = writings.at(-1)!;
  const right = [read(last.document), ...(first !== last && sameRead(first.document, last.document) ? [lessOwn(first.document, batches, first.run)] : [])];
  return there.rows > 0 && right.some((content) => content && content.rows === there.rows && content.fingerprint === there.fingerprint) ? last.run : null;
}

/** Null: not every row's fingerprint is known. */
function contentOf({ batches, whole }: TableAudit): Content | null {
  if (whole) return whole.fingerprint === null ? null : { rows: whole.found.rows, fingerprint: BigInt(whole.found.fingerprint) };
  let sum: Content = { rows: 0, fingerprint: 0n };
  for (const { found, problem } of batches) {
    if (!found || problem !== null) return null;
    sum = { rows: sum.rows + found.rows, fingerprint: sum.fingerprint + BigInt(found.fingerprint) };
  }
  return sum;
}

const read = ({ rows, fingerprint }: ProofDocument): Content => ({ rows, fingerprint: BigInt(fingerprint!) });

const sameRead = (one: ProofDocument, other: ProofDocument): boolean => one.rows === other.rows && one.fingerprint === other.fingerprint;

/** Of the first run: later ones leave out what they find there. */
function lessOwn(document: ProofDocument, batches: ReadonlyMap<string, BatchAudit>, run: string): Content | null {
  const own = document.batches.flatMap(({ id }) => batches.get(id)?.displaced ?? []).filter((part) => part.run === run);
  if (own.some(({ fingerprint }) => fingerprint === null)) return null;
  return own.reduce((left, part) => ({ rows: left.rows - part.rows, fingerprint: left.fingerprint - BigInt(part.fingerprint!) }), read(document));
}
