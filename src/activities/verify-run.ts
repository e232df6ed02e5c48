import { judgeBatch, tableProblems, type BatchProof, type Judgement, type TableAudit } from '../domain/audit';
import type { Control } from '../domain/control';
import { runPath } from '../domain/ids';
import type { StreamSpec } from '../domain/pipeline';
import type { RunSummary, StreamSummary } from '../domain/receipt';
import type { ProofDocument } from '../domain/stream-proof';
import { mostFindings, type Finding, type VerifiedStream, type VerifyReport } from '../domain/verify-report';
import type { Destination } from '../connectors/connector';
import { openArtefacts, type Artefacts } from './artefacts';
import type { VerifyRunInput } from './seeing-contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { findReceipt } from './find-receipt';
import { hashOf, receiptProblems } from './receipt-chain';
import { verifySource } from './verify-source';

/** Compares receipt, ledger and rows of a run that has ended; reads no workflow history and changes nothing. */
export const createVerifyRun = (dependencies: Dependencies) => async ({ word, source }: VerifyRunInput): Promise<VerifyReport> =>
  withControl(dependencies.reached, async (control) => {
    const artefacts = openArtefacts(dependencies.staging);
    const receipt = await findReceipt(dependencies.staging, word);
    const problems = [...await receiptProblems(dependencies.staging, receipt)];
    const streams: VerifiedStream[] = [];
    for (const stream of receipt.streams) streams.push(await verifyStream(dependencies, artefacts, control, receipt, stream, source, problems));
    return {
      run: runPath(receipt.run), workflowId: receipt.run.workflowId, finishedAt: receipt.finishedAt, receiptProblems: problems, streams,
      ok: problems.length === 0 && streams.every(({ state, source: compared }) => state !== 'wrong' && compared?.state !== 'differs'),
    };
  });

async function verifyStream(dependencies: Dependencies, artefacts: Artefacts, control: Control, receipt: RunSummary, summary: StreamSummary, source: boolean, problems: string[]): Promise<VerifiedStream> {
  const { run } = receipt;
  const nothing: VerifiedStream = {
    stream: summary.stream, to: summary.to, state: 'not_published', level: 'counts', rows: 0, batches: { total: 0, intact: 0, replaced: 0, wrong: 0 }, findings: [], replacedBy: [], notes: [], source: null,
  };
  const document = await artefacts.proof.find(run, summary.stream);
  if (!document) return { ...nothing, ...(summary.proof ? { state: 'wrong', findings: [{ batch: null, position: '', messages: ['its proof document is gone from staging'] }] } : {}), notes: summary.error ? [summary.error.message] : [] };
  if (summary.proof && hashOf(document) !== summary.proof.hash) problems.push(`the proof document of stream "${summary.stream}" was changed`);
  const { streamSpec, spec, connectionsFile } = await artefacts.stream(run, summary.stream);
  const destination = await dependencies.openDestination(connectionsFile, spec.destination);
  try {
    const compared = source ? await verifySource(dependencies, artefacts, control, run, streamSpec, document) : null;
    if (!destination.verify) return { ...nothing, state: 'not_asked', notes: [`"${spec.destination}" cannot be asked for its rows`], source: compared };
    return { ...nothing, ...judge(document, await ask(destination, run, streamSpec, document, control), runPath(run)), source: compared };
  } finally {
    await destination.close();
  }
}

const ask = (destination: Destination, run: RunSummary['run'], stream: StreamSpec, document: ProofDocument, control: Control): Promise<TableAudit> =>
  destination.verify!({ target: { run, stream }, batchIds: document.batches.map(({ id }) => id), level: document.level, strangers: true }, control);

function judge(document: ProofDocument, audit: TableAudit, ownRun: string): Omit<VerifiedStream, 'stream' | 'to' | 'source'> {
  const receipts = new Map(document.batches.map((batch) => [batch.id, batch]));
  const judged = audit.batches.map((batch) => judgeBatch(receipts.get(batch.id)!, batch, ownRun, document.level));
  const table = tableProblems(audit);
  const wrong = judged.filter(({ state }) => state === 'wrong');
  const count = (state: Judgement['state']) => judged.filter((one) => one.state === state).length;
  const replacedBy = [...new Set(audit.batches.flatMap(({ displaced }) => displaced.map(({ run }) => run)).filter((run) => run !== ownRun))];
  return {
    state: wrong.length + table.length > 0 ? 'wrong' : judged.length > 0 && judged.every(({ state }) => state === 'replaced') ? 'replaced' : 'intact',
    level: document.level, rows: document.rows,
    batches: { total: judged.length, intact: count('intact'), replaced: count('replaced'), wrong: wrong.length },
    findings: [...wrong.slice(0, mostFindings).map((one) => findingOf(one, receipts)), ...(table.length > 0 ? [{ batch: null, position: '', messages: table }] : [])],
    replacedBy: replacedBy.slice(0, mostFindings),
    notes: notesOf(document, audit),
  };
}

const findingOf = ({ id, messages }: Judgement, receipts: ReadonlyMap<string, BatchProof>): Finding => ({ batch: id, position: receipts.get(id)!.position, messages });

function notesOf(document: ProofDocument, { whole }: TableAudit): readonly string[] {
  const left = document.covers?.leftOut ?? [];
  return [
    ...(document.level === 'counts' ? ['proof: counts, so only numbers of rows are compared'] : []),
    ...(left.length > 0 ? [`not covered: ${left.map(({ name, reason }) => `"${name}" (${reason})`).join(', ')}`] : []),
    ...(whole ? ['lineage: false, so the table is compared as a whole, not by batch'] : []),
    ...(whole && whole.fingerprint === null && document.level === 'rows' ? ['the runs of this table do not cover the same columns, so only its number of rows is compared'] : []),
  ];
}

