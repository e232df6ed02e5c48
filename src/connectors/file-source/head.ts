import { open } from 'node:fs/promises';

/** The beginning of a text file: whole lines, at most so many and, but for the first, within so many bytes. */
export interface Head { readonly lines: number; readonly bytes: number }

/** Lines that hold the 100,000 records that types are inferred from, with some for a header; where lines are long, fewer. */
export const inferredHead: Head = { lines: 100_100, bytes: 32 * 2 ** 20 };

const lineFeed = 0x0a;

/** Writes the beginning of `bytes` and reads no further. @param measured is told of each piece */
export async function writeHead(bytes: AsyncIterable<Buffer>, to: string, { lines, bytes: most }: Head, measured: (bytes: number) => void = () => undefined): Promise<void> {
  const file = await open(to, 'w');
  let [seen, written, ended] = [0, 0, 0];
  try {
    for await (const piece of bytes) {
      measured(piece.length);
      let feed = -1;
      while (seen < lines && (feed = piece.indexOf(lineFeed, feed + 1)) >= 0) {
        seen += 1;
        ended = written + feed + 1;
      }
      await file.writeFile(piece);
      written += piece.length;
      if (seen < lines && (written < most || ended === 0)) continue;
      if (ended > 0) await file.truncate(ended);
      return;
    }
  } finally {
    await file.close();
  }
}
