import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { SourceHeldError } from '../../domain/errors';
import { isDamage } from '../../formats/damage';

/** Gives each regular file of a tar in its order; folders and links hold nothing of their own. */
export async function tarMembers(bytes: AsyncIterable<Buffer>, member: (name: string, content: AsyncIterable<Buffer>) => Promise<void>): Promise<void> {
  const archive = extract();
  const flow = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }), archive);
  flow.catch(() => undefined);
  try {
    for await (const entry of archive) {
      if (entry.header.type === 'file' || entry.header.type === 'contiguous-file') await member(entry.header.name, entry as AsyncIterable<Buffer>);
      entry.resume();
    }
    await flow;
  } catch (error) {
    archive.destroy();
    if (!isDamage(error)) throw error;
    throw new SourceHeldError(`unpacking a tar archive: ${error.message}; fetch the file again, then "millrace resume RUN"`);
  }
}
