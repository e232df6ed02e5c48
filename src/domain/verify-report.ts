/** What `verify RUN` found: small enough to travel through a workflow. */
export interface VerifyReport {
  /** Path of the run, generation included. */
  readonly run: string;
  readonly workflowId: string;
  readonly finishedAt: string;
  readonly ok: boolean;
  /** Of the receipt itself: its hash, its place in the chain, its proof documents. */
  readonly receiptProblems: readonly string[];
  readonly streams: readonly VerifiedStream[];
}

export const verifiedStates = ['intact', 'replaced', 'wrong', 'not_published', 'not_asked'] as const;
export type VerifiedState = (typeof verifiedStates)[number];

export interface VerifiedStream {
  readonly stream: string;
  readonly to: string;
  readonly state: VerifiedState;
  /** `rows`: fingerprints were compared; `counts`: numbers of rows alone. */
  readonly level: 'rows' | 'counts';
  readonly rows: number;
  readonly batches: { readonly total: number; readonly intact: number; readonly replaced: number; readonly wrong: number };
  /** Batches that are wrong, the first of them, and the table as a whole (`batch` null). */
  readonly findings: readonly Finding[];
  /** Runs that replaced rows of it. */
  readonly replacedBy: readonly string[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  readonly source: VerifiedSource | null;
}

export interface Finding {
  readonly batch: string | null;
  /** The source's slice that it came from. */
  readonly position: string;
  readonly messages: readonly string[];
}

/** `verify --source`. */
export interface VerifiedSource {
  readonly state: 'same' | 'differs' | 'not_asked';
  /** Slices that differ, or why the source cannot be asked. */
  readonly messages: readonly string[];
}

export const mostFindings = 50;
