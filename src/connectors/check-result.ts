export interface CheckResult {
  readonly ok: boolean;
  /** What was tried, one line each; where it failed: what to grant or change. */
  readonly messages: readonly string[];
}
