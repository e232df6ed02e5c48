import type { PipelineSpec } from '../domain/pipeline';

/** What workflows know of the activity that merges small files. */
export interface CompactActivities {
  compactStream(input: CompactStreamInput): Promise<StreamCompacted>;
}

export interface CompactPipelineInput {
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  /** Streams whose tables are meant. */
  readonly streams: readonly string[];
  /** Bytes aimed at per file; null: `target.file_size` of the stream, else 128 MB. */
  readonly fileSize: number | null;
  /** Only tell. */
  readonly dryRun: boolean;
}
export interface CompactStreamInput extends Omit<CompactPipelineInput, 'streams'> {
  readonly stream: string;
}
export interface StreamCompacted {
  readonly stream: string;
  readonly to: string;
  /** Files of the table before. */
  readonly files: number;
  /** Small ones of them that became `into` bigger ones, and their bytes. */
  readonly merged: number;
  readonly into: number;
  readonly bytes: number;
}
