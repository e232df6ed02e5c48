import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { SourceHeldError } from '../../domain/errors';
import { isDamage } from '../../formats/damage';

/** Gives each regular file of a tar in its order; folders and links hold nothing of their own. */
export async function tarMembers(bytes: AsyncIterable<Buffer>, member: (name: string, content: AsyncIterable<Buffer>) => Promise<void>): Promise<void> {
  const archive = extract();
  const end = watchEnd();
  const flow = pipeline(Readable.from(end.passing(bytes), { objectMode: true, highWaterMark: 1 }), archive);
  flow.catch(() => undefined);
  try {
    for await (const entry of archive) {
      refuseSparse(entry.header);
      if (entry.header.type === 'file' || entry.header.type === 'contiguous-file') await member(entry.header.name, entry as AsyncIterable<Buffer>);
      entry.resume();
    }
    await flow;
  } catch (error) {
    archive.destroy();
    if (!isDamage(error)) throw error;
    throw held(`${error.message}; fetch the file again`);
  }
  if (!end.isMarked()) throw held('it has no end mark: it was cut off between two of its files; fetch the file again');
}

const held = (why: string): SourceHeldError => new SourceHeldError(`unpacking a tar archive: ${why}, then "millrace resume RUN"`);

/** Holes are left out of what is stored, so that it is not the file; a kind that nobody knows may hold anything. */
function refuseSparse({ name, type, size = 0, pax }: Header): void {
  const isSparse = Object.keys(pax ?? {}).some((word) => word.startsWith('GNU.sparse.'));
  if (isSparse || (type === null && size > 0)) throw held(`"${name}" is stored as a sparse file or in another way that cannot be read; pack it without "--sparse"`);
}

/** A tar ends with blocks of zeros. */
function watchEnd() {
  const block = 512;
  let tail: Buffer = Buffer.alloc(0);
  return {
    async* passing(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const piece of bytes) {
        tail = Buffer.concat(piece.length >= block ? [piece.subarray(-block)] : [tail, piece]).subarray(-block);
        yield piece;
      }
    },
    isMarked: () => tail.length === block && !tail.some((byte) => byte !== 0),
  };
}
