import type { NamedOptions } from './pipeline';

/** One file in staging. */
export interface StagedFile {
  /** Key in the staging store. */
  readonly key: string;
  readonly bytes: number;
  /** crc32 in hex over the bytes: finds damage, not malice. */
  readonly checksum: string;
}

/** What a source gave, unchanged. */
export interface LandingFile extends StagedFile {
  /** The source's own count of records: COPY's command tag, records of a file. */
  readonly rows: number;
  /** How to read it. */
  readonly format: NamedOptions;
  /** Name for people, in quarantine entries: the source file, or the table. */
  readonly origin: string;
}

/** A partition's landing files: `<partition>/manifest.json`, first writer wins; from then on the source is not asked again. */
export interface Manifest {
  readonly partition: string;
  readonly files: readonly LandingFile[];
  readonly rows: number;
  readonly bytes: number;
}
