import { judgeBatch, tableProblems, type BatchAudit, type BatchProof, type Judgement, type TableAudit } from './audit';
import type { ProofDocument } from './stream-proof';
import { mostFindings, type Finding, type VerifiedState, type VerifiedStream } from './verify-report';

export type StreamVerdict = Omit<VerifiedStream, 'stream' | 'to' | 'source'>;

/** What a run left in a table, and how it is judged. */
export interface Published {
  /** Path of the run. */
  readonly run: string;
  readonly document: ProofDocument;
  /** Rows that it published. */
  readonly loaded: number;
  /** Rows that later runs have published into the table since. */
  readonly since: number;
  /** Path of a later run that read the whole source, where the table is exactly that now. */
  readonly settledBy: string | null;
  /** As one of all runs of a pipeline: what was rolled back is no damage. */
  readonly amongAll: boolean;
}

/** Receipt against ledger, ledger against table, for one stream of one run. @param audit of its batches alone. Pure. */
export function judgeStream(published: Published, audit: TableAudit): StreamVerdict {
  const { document, run } = published;
  const receipts = new Map(document.batches.map((batch) => [batch.id, batch]));
  const standing = audit.batches.filter(({ state }) => !(published.amongAll && state === 'rolled_back'));
  const judged = standing.map((batch) => judgeBatch(receipts.get(batch.id)!, batch, run, document.level));
  const table = tableProblems(published.settledBy === null ? audit : { ...audit, whole: null });
  const wrong = judged.filter(({ state }) => state === 'wrong');
  const count = (state: Judgement['state']) => judged.filter((one) => one.state === state).length;
  const settled = published.settledBy !== null && published.settledBy !== run && wrong.length > 0;
  const found = settled ? [] : wrong;
  return {
    state: stateOf(published, audit, { judged, wrong: found.length + table.length > 0, settled, replaced: count('replaced') }),
    level: document.level, rows: published.loaded,
    left: standing.reduce((sum, batch) => sum + leftOf(receipts.get(batch.id)!, batch), 0),
    batches: { total: judged.length, intact: count('intact'), replaced: count('replaced'), wrong: wrong.length },
    findings: [...found.slice(0, mostFindings).map((one) => findingOf(one, receipts)), ...(table.length > 0 ? [{ batch: null, position: '', messages: table }] : [])],
    replacedBy: laterRuns(audit, run).slice(0, mostFindings),
    notes: [...becauseOfLater(published, wrong, settled), ...notesOf(document, audit)],
  };
}

interface Outcome {
  readonly judged: readonly Judgement[];
  readonly wrong: boolean;
  readonly settled: boolean;
  readonly replaced: number;
}
function stateOf({ loaded }: Published, { batches }: TableAudit, { judged, wrong, settled, replaced }: Outcome): VerifiedState {
  if (wrong) return 'wrong';
  if (settled) return 'settled';
  if (batches.length > 0 && judged.length === 0) return 'rolled_back';
  if (loaded === 0) return 'wrote_nothing';
  return replaced > 0 && replaced === judged.length ? 'replaced' : 'intact';
}

const leftOf = ({ rows }: BatchProof, { state, displaced }: BatchAudit): number => (state === 'replaced' ? 0 : displaced.reduce((left, part) => left - part.rows, rows));

const laterRuns = ({ batches }: TableAudit, ownRun: string): readonly string[] => [...new Set(batches.flatMap(({ displaced }) => displaced.map(({ run }) => run)).filter((run) => run !== ownRun))];

const findingOf = ({ id, messages }: Judgement, receipts: ReadonlyMap<string, BatchProof>): Finding => ({ batch: id, position: receipts.get(id)!.position, messages });

/** Rows that were lost and came with a later run are that run's: whose keys they have, no ledger keeps. */
function becauseOfLater({ settledBy, since }: Published, wrong: readonly Judgement[], settled: boolean): readonly string[] {
  if (settled) return [`${wrong[0]!.messages[0]}${wrong.length > 1 ? ` (and ${wrong.length - 1} further batches)` : ''}; but the table has exactly the rows that run ${settledBy} has read of the whole source since`];
  if (wrong.length === 0 || since === 0) return [];
  return [`later runs have published ${since} ${since === 1 ? 'row' : 'rows'} into the table since; whether they brought back what is missing or changed, the ledger does not keep: load the whole source ("mode: full"), then verify the pipeline by its name`];
}

function notesOf(document: ProofDocument, { whole }: TableAudit): readonly string[] {
  const left = document.covers?.leftOut ?? [];
  return [
    ...(document.level === 'counts' ? ['proof: counts, so only numbers of rows are compared'] : []),
    ...(left.length > 0 ? [`not covered: ${left.map(({ name, reason }) => `"${name}" (${reason})`).join(', ')}`] : []),
    ...(whole ? ['lineage: false, so the table is compared as a whole, not by batch'] : []),
    ...(whole && whole.fingerprint === null && document.level === 'rows' ? ['the runs of this table do not cover the same columns, so only its number of rows is compared'] : []),
  ];
}
