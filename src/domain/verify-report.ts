/** What `verify` found: small enough to travel through a workflow. */
export interface VerifyReport extends VerifiedRun {
  readonly ok: boolean;
  /** Of the receipt itself: its hash, its place in the chain, its proof documents. */
  readonly receiptProblems: readonly string[];
  /** By a pipeline's name: its earlier runs that rows of the tables are still of, newest first; of one run: empty. */
  readonly earlier: readonly VerifiedRun[];
  /** Earlier runs that are intact and not listed. */
  readonly further: number;
}

export interface VerifiedRun {
  /** Path of the run, generation included. */
  readonly run: string;
  readonly workflowId: string;
  readonly finishedAt: string;
  readonly streams: readonly VerifiedStream[];
}

/** `settled`: not as it was loaded, but the table is what a later run read of the whole source. */
export const verifiedStates = ['intact', 'replaced', 'settled', 'wrote_nothing', 'rolled_back', 'wrong', 'not_published', 'not_asked'] as const;
export type VerifiedState = (typeof verifiedStates)[number];

export interface VerifiedStream {
  readonly stream: string;
  readonly to: string;
  readonly state: VerifiedState;
  /** `rows`: fingerprints were compared; `counts`: numbers of rows alone. */
  readonly level: 'rows' | 'counts';
  /** As published: without those that were found equal or were there twice. */
  readonly rows: number;
  /** Those that no later run has taken away. */
  readonly left: number;
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

/** A run in one line, from its streams. */
export function headlineOf(streams: readonly VerifiedStream[], wrong: boolean): string {
  if (wrong) return 'not as it was loaded';
  const states = [...new Set(streams.map(({ state }) => state))].filter((state) => state !== 'not_published');
  if (states.length === 0) return 'published nothing';
  if (states.length === 1 && states[0] !== 'intact') return alone[states[0]!] ?? 'as it was loaded';
  if (states.includes('settled')) return alone.settled!;
  return streams.some(({ batches }) => batches.replaced > 0) ? 'as it was loaded, but for what later runs replaced' : 'as it was loaded';
}

const alone: Readonly<Partial<Record<VerifiedState, string>>> = {
  replaced: 'replaced by a later run', settled: 'not as it was loaded, and settled by a later run', wrote_nothing: 'wrote no rows', rolled_back: 'rolled back', not_asked: 'cannot be asked',
};
