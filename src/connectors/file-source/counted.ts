import { open, type FileHandle } from 'node:fs/promises';
import type { NamedOptions } from '../../domain/pipeline';
import type { Tally } from '../../formats/tally';
import { createChecksum, measureFile, type Measured } from '../../stores/checksum';

/** A tally and the options that it goes by. */
export interface Counter { readonly tally: Tally; readonly options: NamedOptions['options'] }

/** Asked once, with a file's beginning or all of it. Null: its records cannot be counted as they pass. */
export type CounterFor = (head: string) => Promise<Counter | null>;

/** What was learnt of a file as its bytes passed. */
export interface Counted extends Measured {
  /** Null: only the careful reader can tell. */
  readonly records: number | null;
  /** What the count goes by; null: there is none. */
  readonly options: NamedOptions['options'] | null;
}

/** More than a dialect is told by. */
const headBytes = 4 << 20;

/**
 * Writes a file, and counts and sums up the same bytes on the way, while others do the unpacking: none is read again for it. Pieces must stay as they
 * are; those of the beginning wait in memory until it is known how to count them.
 */
export async function writeCounted(bytes: AsyncIterable<Buffer>, to: string, counterFor: CounterFor): Promise<Counted> {
  const file = await open(to, 'w');
  const checksum = createChecksum();
  const count = startCount();
  let head: Buffer[] | null = [];
  const begin = async (pieces: readonly Buffer[]): Promise<void> => {
    head = null;
    // Where its beginning cannot be understood, the look at all of it says why.
    count.by(await counterFor(to).catch(() => null));
    pieces.forEach(count.add);
  };
  try {
    for await (const piece of bytes) {
      const written = writeAll(file, piece);
      checksum.add(piece);
      if (head) head.push(piece);
      else count.add(piece);
      await written;
      if (head && checksum.bytes() >= headBytes) await begin(head);
    }
    if (head) await begin(head);
  } finally {
    await file.close();
  }
  return { ...checksum.measured(), ...(await count.end(to)) };
}

/** The same of a file that is there, in one reading. */
export async function readCounted(file: string, counterFor: CounterFor, signal: AbortSignal): Promise<Counted> {
  signal.throwIfAborted();
  const count = startCount();
  count.by(await counterFor(file).catch(() => null));
  const measured = await measureFile(file, (piece) => {
    signal.throwIfAborted();
    count.add(piece);
  });
  return { ...measured, ...(await count.end(file)) };
}

function startCount() {
  let counter: Counter | null = null;
  let goesOn = false;
  return {
    by(given: Counter | null): void {
      counter = given;
      goesOn = given !== null;
    },
    add(piece: Buffer): void {
      if (goesOn) goesOn = counter!.tally.add(piece);
    },
    async end(file: string): Promise<Pick<Counted, 'records' | 'options'>> {
      if (!counter || !goesOn) return { records: null, options: null };
      const records = counter.tally.end();
      await counter.tally.remember?.(file);
      return { records, options: counter.options };
    },
  };
}

async function writeAll(file: FileHandle, piece: Buffer): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
}
