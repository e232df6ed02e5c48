import { crc32 } from 'node:zlib';
import type { Readable } from 'node:stream';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { SourceHeldError } from '../../domain/errors';
import { isDamage } from '../../formats/damage';

/** Gives each file of a zip in the order of its directory, its bytes checked against its checksum. */
export async function zipMembers(file: string, label: string, member: (name: string, content: AsyncIterable<Buffer>) => Promise<void>): Promise<void> {
  const held = (why: string) => new SourceHeldError(`unpacking "${label}": ${why}; fetch the file again, or unpack it by hand, then "millrace resume RUN"`, { file: label });
  let zip: ZipFile;
  try {
    // Names are labels here and never paths, so a strange one is no reason to refuse the archive.
    zip = await openPromise(file, { lazyEntries: true, autoClose: false, decodeStrings: true, strictFileNames: false, validateEntrySizes: true });
  } catch (error) {
    throw translated(error, held);
  }
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/') || isLink(entry)) continue;
      if (entry.isEncrypted()) throw held(`"${entry.fileName}" is encrypted`);
      await member(entry.fileName, checked(zip, entry, held));
    }
  } catch (error) {
    throw translated(error, held);
  } finally {
    zip.close();
  }
}

/** Made on a Unix, it holds the name of another file, as a link in a tar does. */
const isLink = ({ versionMadeBy, externalFileAttributes }: Entry): boolean => versionMadeBy >> 8 === 3 && ((externalFileAttributes >>> 16) & 0o170000) === 0o120000;

async function* checked(zip: ZipFile, entry: Entry, held: (why: string) => SourceHeldError): AsyncGenerator<Buffer> {
  const stream: Readable = await zip.openReadStreamPromise(entry);
  let sum = 0;
  try {
    for await (const piece of stream) {
      sum = crc32(piece as Buffer, sum);
      yield piece as Buffer;
    }
  } finally {
    stream.destroy();
  }
  if (sum !== entry.crc32) throw held(`"${entry.fileName}" does not match its checksum`);
}

function translated(error: unknown, held: (why: string) => SourceHeldError): unknown {
  if (!isDamage(error)) return error;
  return held(error.message);
}
