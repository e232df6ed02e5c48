import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import { textOf } from './decompress';
import { Misfit, type ProgramSetup, type RowFunction } from './program';

interface Member {
  readonly name: string;
  readonly content: string;
}

/** An archive in base64 into its files, up to a bound over all of them. */
export function unarchive({ settings }: ProgramSetup): RowFunction {
  const { format, content, max_bytes: most } = settings as { readonly format: string; readonly content: string; readonly max_bytes: number };
  const written = (bytes: Buffer): string => (content === 'text' ? textOf(bytes) : bytes.toString('base64'));
  return async ({ bytes }) => {
    if (bytes === null) return {};
    const files: Member[] = [];
    let left = most;
    const take = async (name: string, body: AsyncIterable<Uint8Array>): Promise<void> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) {
        left -= piece.length;
        if (left < 0) throw new Misfit(`opens to more than ${most} bytes`);
        pieces.push(piece);
      }
      files.push({ name, content: written(Buffer.concat(pieces)) });
    };
    try {
      const archive = Buffer.from(String(bytes), 'base64');
      await (format === 'zip' ? eachOfZip(archive, take) : eachOfTar(archive, format === 'tar_gz', take));
    } catch (error) {
      throw error instanceof Misfit ? error : new Misfit(`is not ${format}`);
    }
    return { _millrace_out: files };
  };
}

type Take = (name: string, body: AsyncIterable<Uint8Array>) => Promise<void>;

async function eachOfTar(archive: Buffer, zipped: boolean, take: Take): Promise<void> {
  // Without a block of the format's size there is no file in it, and none that could be missed.
  if (!zipped && (archive.length < 512 || archive.subarray(257, 262).toString('latin1') !== 'ustar')) throw new Misfit('is not tar');
  const opened = extract();
  const source = Readable.from([archive]);
  const failed = (error: Error): void => { opened.destroy(error); };
  if (zipped) source.pipe(createGunzip().on('error', failed)).pipe(opened);
  else source.pipe(opened);
  for await (const entry of opened) {
    if (entry.header.type === 'file') await take(entry.header.name, entry as AsyncIterable<Uint8Array>);
    else entry.resume();
  }
}

async function eachOfZip(archive: Buffer, take: Take): Promise<void> {
  const zip = await new Promise<ZipFile>((resolve, reject) => fromBuffer(archive, { lazyEntries: true }, (error, file) => (error ? reject(error) : resolve(file))));
  for (;;) {
    const entry = await new Promise<Entry | null>((resolve, reject) => {
      zip.once('entry', resolve);
      zip.once('end', () => resolve(null));
      zip.once('error', reject);
      zip.readEntry();
    });
    if (!entry) return;
    if (entry.fileName.endsWith('/')) continue;
    const body = await new Promise<Readable>((resolve, reject) => zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream))));
    await take(entry.fileName, body as AsyncIterable<Uint8Array>);
  }
}
