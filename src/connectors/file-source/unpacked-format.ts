import type { NamedOptions } from '../../domain/pipeline';
import { formatForFile } from '../../formats/registry';

/** The format of a file that is no longer packed, whatever its options say: a compression is a word for writing, but for those within a format. */
export function unpackedFormat(name: string, named?: NamedOptions): ReturnType<typeof formatForFile> {
  const { format, options } = formatForFile(name, named);
  const { compression: _packed, ...rest } = options;
  return { format, options: format.name === 'parquet' ? options : rest };
}
