/** `[{"column":"total","reason":"is not a number"}]` → `total is not a number`. */
export function reasonsText(json: string): string {
  return parseReasons(json).map(({ column, reason }) => (column ? `${column} ${reason}` : reason)).join('; ');
}

export interface Reason {
  readonly column: string | null;
  readonly reason: string;
}

export function parseReasons(json: string): readonly Reason[] {
  try {
    const parsed = JSON.parse(json) as unknown;
    return Array.isArray(parsed) ? (parsed as readonly Reason[]) : [];
  } catch {
    return [{ column: null, reason: json }];
  }
}
