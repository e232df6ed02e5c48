import type { Figures, ProofColumn } from './fingerprint';

/** What a run took away of a batch, or did not write of its own. `fingerprint` null: not taken; then all that was left went. */
export interface Displaced {
  readonly run: string;
  readonly rows: number;
  readonly fingerprint: string | null;
}

/** A batch as the destination knows it: its ledger row, what later runs displaced, and what is there. */
export interface BatchAudit {
  readonly id: string;
  /** `replaced`: it is gone as a whole, ledger row and rows, and who took it away is known. */
  readonly state: 'committed' | 'published' | 'rolled_back' | 'replaced' | 'missing';
  /** As loaded. */
  readonly rows: number;
  readonly fingerprint: string | null;
  readonly displaced: readonly Displaced[];
  /** Null: cannot be told by batch. */
  readonly found: Figures | null;
  /** Why its rows cannot be compared; null: they can. */
  readonly problem: string | null;
}

/** What `verify` of a destination answers for the batches of one stream. */
export interface TableAudit {
  readonly exists: boolean;
  readonly batches: readonly BatchAudit[];
  /** Rows (or data files) of the table that belong to no batch, and how many of them were there before Millrace. */
  readonly strangers: { readonly unit: 'rows' | 'files'; readonly rows: number; readonly expected: number } | null;
  /** With `lineage: false`: the table as a whole, what all runs together left and what is there. */
  readonly whole: { readonly rows: number; readonly fingerprint: string | null; readonly found: Pick<Figures, 'rows' | 'fingerprint'> } | null;
}

export const missingBatch = (id: string): BatchAudit => ({ id, state: 'missing', rows: 0, fingerprint: null, displaced: [], found: null, problem: null });

/** A batch in the receipt of its run: what was read, what became of it, and what was loaded. */
export interface BatchProof {
  readonly id: string;
  /** The source's slice, for people: `id 1 … 250000`, `flights.csv`. */
  readonly position: string;
  readonly read: number;
  readonly created: number;
  readonly rejected: number;
  readonly filtered: number;
  readonly deduplicated: number;
  readonly aggregated: number;
  readonly rows: number;
  readonly checksum: string;
  /** Null: `proof: counts`. */
  readonly fingerprint: string | null;
  readonly columns: Figures['columns'];
}

export interface Judgement {
  readonly id: string;
  readonly state: 'intact' | 'replaced' | 'wrong';
  /** What is wrong, or by whom it was replaced; empty: nothing to say. */
  readonly messages: readonly string[];
}

/** Receipt against ledger, ledger against table. Pure. @param ownRun path of the run that loaded it. */
export function judgeBatch(receipt: BatchProof, audit: BatchAudit, ownRun: string, level: 'rows' | 'counts' = 'rows'): Judgement {
  const later = [...new Set(audit.displaced.filter(({ run }) => run !== ownRun).map(({ run }) => run))];
  const wrong = [...ledgerProblems(receipt, audit), ...(audit.found && audit.problem === null ? rowProblems(level === 'rows' ? receipt : { ...receipt, fingerprint: null }, audit, audit.found, later) : [])];
  const replaced = later.length > 0 ? [`replaced by run ${later.join(', ')}`] : [];
  if (wrong.length > 0) return { id: receipt.id, state: 'wrong', messages: [...wrong, ...replaced] };
  return { id: receipt.id, state: later.length > 0 ? 'replaced' : 'intact', messages: replaced };
}

function ledgerProblems(receipt: BatchProof, { state, rows, fingerprint, problem }: BatchAudit): readonly string[] {
  if (state === 'missing') return ['its ledger row is gone'];
  if (state === 'rolled_back') return ['it was rolled back'];
  if (state === 'replaced') return [];
  return [
    ...(rows === receipt.rows ? [] : [`the ledger says ${rows} rows, the receipt ${receipt.rows}`]),
    ...(fingerprint === receipt.fingerprint ? [] : ['the ledger\'s fingerprint is not the receipt\'s']),
    ...(problem === null ? [] : [problem]),
  ];
}

function rowProblems(receipt: BatchProof, { displaced }: BatchAudit, found: Figures, later: readonly string[]): readonly string[] {
  const gone = displaced.reduce((sum, { rows }) => sum + rows, 0);
  const expected = receipt.rows - gone;
  if (expected < 0) return [`${-expected} more rows than were loaded stood there when they were replaced`];
  if (found.rows < expected) return [`${expected - found.rows} of ${expected} rows are missing${found.rows === 0 && later.length > 0 ? ', some of them already when they were replaced' : ''}`];
  if (found.rows > expected) return [`${found.rows - expected} rows too many: ${found.rows} are there, ${expected} belong there`];
  const left = expectedFingerprint(receipt, displaced, expected);
  if (left === null || left === found.fingerprint) return [];
  const columns = gone === 0 ? otherColumns(receipt, found) : [];
  return [`${expected === 0 ? 'rows were changed before they were replaced' : `rows were changed${columns.length > 0 ? `: ${columns.map((name) => `"${name}"`).join(', ')}` : ''}`}`];
}

/** Null: not known. Where a whole was taken away without a fingerprint, nothing is left. */
function expectedFingerprint({ fingerprint }: BatchProof, displaced: readonly Displaced[], expected: number): string | null {
  if (fingerprint === null) return null;
  const unknown = displaced.some((part) => part.fingerprint === null && part.rows > 0);
  if (unknown) return expected === 0 ? '0' : null;
  return String(displaced.reduce((left, part) => left - BigInt(part.fingerprint ?? '0'), BigInt(fingerprint)));
}

/** Names only: figures are values of rows, and stay in the receipt. */
const otherColumns = (receipt: BatchProof, found: Figures): readonly string[] =>
  receipt.columns.filter((column) => JSON.stringify(sorted(column)) !== JSON.stringify(sorted(found.columns.find(({ name }) => name === column.name) ?? {}))).map(({ name }) => name);

const sorted = (record: object): readonly (readonly [string, unknown])[] => Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1));

/** Problems of the table that no batch of the run has. */
export function tableProblems({ exists, strangers, whole }: TableAudit): readonly string[] {
  if (!exists) return ['the table is gone'];
  const strange = strangers && strangers.rows !== strangers.expected
    ? [strangers.rows > strangers.expected ? `${strangers.rows - strangers.expected} ${strangers.unit} belong to no batch of any run` : `${strangers.expected - strangers.rows} rows that were there before Millrace are missing`] : [];
  if (!whole) return strange;
  if (whole.found.rows !== whole.rows) return [...strange, `the table has ${whole.found.rows} rows, all runs together left ${whole.rows}`];
  return whole.fingerprint !== null && whole.fingerprint !== whole.found.fingerprint ? [...strange, 'rows of the table were changed, added or exchanged'] : strange;
}

export type { ProofColumn };
