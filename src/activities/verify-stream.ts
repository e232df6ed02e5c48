import type { TableAudit } from '../domain/audit';
import type { Control } from '../domain/control';
import { runPath } from '../domain/ids';
import { judgeStream } from '../domain/judge-stream';
import type { RunSummary, StreamSummary } from '../domain/receipt';
import { settledBy, type Writing } from '../domain/settled';
import type { StreamSpec } from '../domain/pipeline';
import type { VerifiedStream } from '../domain/verify-report';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';
import { hashOf } from './receipt-chain';
import { verifySource } from './verify-source';

export interface Look {
  readonly dependencies: Dependencies;
  readonly artefacts: Artefacts;
  readonly control: Control;
  /** Ask the source of the newest run too. */
  readonly source: boolean;
  /** Of receipts: added to. */
  readonly problems: string[];
  /** Receipts of the pipeline, newest first. */
  readonly all: readonly RunSummary[];
}
export type Verdicts = ReadonlyMap<RunSummary, VerifiedStream>;

interface StreamWriting extends Writing {
  readonly receipt: RunSummary;
  readonly summary: StreamSummary;
  readonly streamSpec: StreamSpec;
  readonly connection: string;
  readonly connectionsFile: string;
}

/** @param receipts newest first: one, or all of the pipeline. The newest that published decides which table is meant. */
export async function verifyStream(look: Look, stream: string, receipts: readonly RunSummary[], amongAll: boolean): Promise<Verdicts> {
  const verdicts = new Map<RunSummary, VerifiedStream>();
  let span: StreamWriting[] = [];
  let newest: StreamWriting | null = null;
  const judgeSpan = async (): Promise<boolean> => {
    const rolledBack = await judge(look, span, span[0] === newest, amongAll, verdicts);
    span = [];
    return rolledBack;
  };
  for (const receipt of receipts) {
    const summary = receipt.streams.find((one) => one.stream === stream);
    if (!summary) continue;
    const writing = await readWriting(look, receipt, summary);
    if (!writing) {
      verdicts.set(receipt, unread(summary));
      continue;
    }
    newest ??= writing;
    if (writing.connection !== newest.connection || summary.to !== newest.summary.to) break;
    span.push(writing);
    // What a replace found there has no rows in the table any more, unless the replace was rolled back.
    if (writing.streamSpec.write === 'replace' && writing.document.batches.length > 0 && !await judgeSpan()) return verdicts;
  }
  if (span.length > 0) await judgeSpan();
  return verdicts;
}

const nothing = ({ stream, to }: StreamSummary): VerifiedStream => ({
  stream, to, state: 'not_published', level: 'counts', rows: 0, left: 0, batches: { total: 0, intact: 0, replaced: 0, wrong: 0 }, findings: [], replacedBy: [], notes: [], source: null,
});
const unread = (summary: StreamSummary): VerifiedStream => ({
  ...nothing(summary), ...(summary.proof ? { state: 'wrong', findings: [{ batch: null, position: '', messages: ['its proof document is gone from staging'] }] } : {}), notes: summary.error ? [summary.error.message] : [],
});

/** Null: it has published nothing. */
async function readWriting({ artefacts, problems }: Look, receipt: RunSummary, summary: StreamSummary): Promise<StreamWriting | null> {
  const { run } = receipt;
  const document = await artefacts.proof.find(run, summary.stream);
  if (!document) return null;
  if (summary.proof && hashOf(document) !== summary.proof.hash) problems.push(`the proof document of stream "${summary.stream}" was changed`);
  const { streamSpec, spec, connectionsFile, gaps } = await artefacts.stream(run, summary.stream);
  const whole = streamSpec.mode === 'full' && !document.window && !gaps && !run.replay && !run.backfill && !summary.gaps?.length && summary.totals.rejected === 0;
  return { run: runPath(run), receipt, summary, document, loaded: summary.totals.loaded, whole, streamSpec, connection: spec.destination, connectionsFile };
}

/** Asks the destination once for all of them. Returns whether the oldest has been rolled back. */
async function judge(look: Look, span: readonly StreamWriting[], newest: boolean, amongAll: boolean, verdicts: Map<RunSummary, VerifiedStream>): Promise<boolean> {
  const { receipt, streamSpec, document, connection, connectionsFile } = span[0]!;
  const destination = await look.dependencies.openDestination(connectionsFile, connection);
  try {
    const source = look.source && newest ? await verifySource(look.dependencies, look.artefacts, look.control, receipt.run, streamSpec, document) : null;
    if (!destination.verify) {
      verdicts.set(receipt, { ...nothing(span[0]!.summary), state: 'not_asked', notes: [`"${connection}" cannot be asked for its rows`], source });
      return false;
    }
    const level = span.some((one) => one.document.level === 'rows') ? 'rows' : 'counts';
    const audit = await destination.verify({ target: { run: receipt.run, stream: streamSpec }, batchIds: span.flatMap((one) => one.document.batches.map(({ id }) => id)), level, strangers: newest }, look.control);
    const settled = amongAll ? settledBy(span, audit) : null;
    for (const [index, one] of span.entries()) {
      const ofTable = newest && index === 0;
      const verdict = judgeStream({ run: one.run, document: one.document, loaded: one.loaded, since: publishedSince(look, one), settledBy: settled, amongAll }, auditOf(audit, one, ofTable));
      verdicts.set(one.receipt, { ...nothing(one.summary), ...verdict, source: ofTable ? source : null });
    }
    const oldest = auditOf(audit, span.at(-1)!, false).batches;
    return oldest.length > 0 && oldest.every(({ state }) => state === 'rolled_back');
  } finally {
    await destination.close();
  }
}

/** What is true of the table and no batch is said once. */
function auditOf(audit: TableAudit, { document }: StreamWriting, ofTable: boolean): TableAudit {
  const own = new Set(document.batches.map(({ id }) => id));
  return { ...audit, batches: audit.batches.filter(({ id }) => own.has(id)), ...(ofTable ? {} : { strangers: null, whole: null }) };
}

const publishedSince = ({ all }: Look, { receipt, summary }: StreamWriting): number =>
  all.slice(0, Math.max(0, all.findIndex(({ hash }) => hash === receipt.hash))).flatMap(({ streams }) => streams.filter(({ stream, to, proof }) => stream === summary.stream && to === summary.to && proof)).reduce((sum, { totals }) => sum + totals.loaded, 0);
