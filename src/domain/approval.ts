/** What a person let pass at a gate: kept in the receipt. */
export interface Approval {
  /** What the gate showed. */
  readonly what: string;
  readonly by: string | null;
  readonly reason: string | null;
  /** ISO instant. */
  readonly at: string;
}
