import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { Misfit, type ProgramSetup, type RowFunction } from './program';

/** Compressed bytes (base64 here) of one value, opened up to a bound, so that no small value fills the memory. */
export function decompress({ settings }: ProgramSetup): RowFunction {
  const format = String(settings['format']);
  const most = Number(settings['max_bytes']);
  const asText = settings['text'] === true;
  return (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => {
    if (value === null) return [name, null];
    const bytes = opened(Buffer.from(String(value), 'base64'), format, most);
    return [name, asText ? textOf(bytes) : bytes.toString('base64')];
  }));
}

function opened(bytes: Buffer, format: string, maxOutputLength: number): Buffer {
  const options = { maxOutputLength };
  try {
    switch (format) {
      case 'gzip': return gunzipSync(bytes, options);
      case 'deflate': return inflateSync(bytes, options);
      case 'deflate_raw': return inflateRawSync(bytes, options);
      default: return brotliDecompressSync(bytes, options);
    }
  } catch (error) {
    throw new Misfit((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? `opens to more than ${maxOutputLength} bytes` : `is not ${format}`);
  }
}

export function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Misfit('opens to bytes that are not UTF-8');
  }
}
