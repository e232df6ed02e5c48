import type { BalanceLine } from './balance';
import type { Column } from './column';
import type { StagedFile } from './manifest';
import type { CheckResultLine } from './receipt';

/** A row for people: its place in the sample, and its values as text, long ones cut. */
export interface PreviewRow {
  readonly position: string;
  readonly values: readonly (string | null)[];
}

/** A row that would be set aside, as it came to the step. */
export interface PreviewReject {
  /** JSON list of { column, reason }, as in quarantine. */
  readonly reasons: string;
  readonly raw: string;
}

/** What one step makes of the sample. */
export interface PreviewStage {
  /** `read`, `1 trim`, …, `checks`. */
  readonly step: string;
  readonly line: BalanceLine;
  readonly columns: readonly Column[];
  readonly rows: readonly PreviewRow[];
  readonly rejects: readonly PreviewReject[];
}

export interface PreviewStream {
  readonly stream: string;
  readonly to: string;
  readonly stages: readonly PreviewStage[];
  readonly checks: readonly CheckResultLine[];
  /** Why it went no further; null: to the end. */
  readonly problem: string | null;
}

/** Where the worker put what a preview shows: rows stay out of workflow history. */
export interface PreviewRef {
  /** Id of the staging store. */
  readonly staging: string;
  readonly file: StagedFile;
}
