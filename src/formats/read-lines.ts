import type { Session } from '../transforms/duckdb-engine';
import type { ReadRequest, ReadResult } from './format';
import { fitsOf, judgeRecords, type JudgedRecords } from './judge';
import { trustedLines, withLines, type LinesRequest } from './lines-of';
import { trustRecords } from './trust';

/** Lines as records: in one pass where they are trusted to be in order, else one by one. @param numbered whether `judged` speaks of line numbers. */
export async function readLines(session: Session, lines: LinesRequest, request: ReadRequest, judged: (from: string) => JudgedRecords, numbered = false): Promise<ReadResult> {
  const trusted = request.trusting ? trustedLines(lines, numbered) : null;
  if (trusted === null) return await withLines(session, lines, (from) => judgeRecords(session, judged(from), request));
  const { records, text, fit } = judged(trusted);
  return await trustRecords(session, { from: `(${records})`, texts: request.columns.map(text), fits: fitsOf(request.columns, fit), damaged: ['problem IS NOT NULL'] }, request);
}
