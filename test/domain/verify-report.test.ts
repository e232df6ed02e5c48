import type { BatchAudit, BatchProof, TableAudit } from '../../src/domain/audit';
import { judgeStream } from '../../src/domain/judge-stream';
import { settledBy } from '../../src/domain/settled';
import type { ProofDocument } from '../../src/domain/stream-proof';
import { headlineOf, type VerifiedStream } from '../../src/domain/verify-report';

const proof = (id: string, rows: number, fingerprint: string): BatchProof =>
  ({ id, position: '', read: rows, created: 0, rejected: 0, filtered: 0, deduplicated: 0, aggregated: 0, rows, checksum: '', fingerprint, columns: [] });
const document = (batch: BatchProof): ProofDocument => ({
  stream: 's', to: 't', level: 'rows', planHash: '', pipelineHash: '', version: '', window: null, position: {} as ProofDocument['position'], covers: null, batches: [batch], parts: [], rows: batch.rows, fingerprint: batch.fingerprint, columns: [],
});
const audit = (of: BatchProof, found: number, fingerprint: string, more: Partial<BatchAudit> = {}): BatchAudit =>
  ({ id: of.id, state: 'published', rows: of.rows, fingerprint: of.fingerprint, displaced: [], found: { rows: found, fingerprint, columns: [] }, problem: null, ...more });
const table = (...batches: BatchAudit[]): TableAudit => ({ exists: true, batches, strangers: null, whole: null });
const [one, two] = [proof('r/1/s/0000/00', 10, '100'), proof('r/2/s/0000/00', 10, '100')];
const published = { run: 'r/1', document: document(one), loaded: 10, since: 0, settledBy: null, amongAll: true };
const streams = (...some: Partial<VerifiedStream>[]) => some as VerifiedStream[];

test('rows are told as published, and those that are left less what later runs took', () => {
  const twice = audit(one, 6, '60', { displaced: [{ run: 'r/1', rows: 1, fingerprint: '10' }, { run: 'r/2', rows: 3, fingerprint: '30' }] });
  expect(judgeStream({ ...published, loaded: 9 }, table(twice))).toMatchObject({ state: 'replaced', rows: 9, left: 6, replacedBy: ['r/2'] });
});

test('what was rolled back is no damage among all runs, and is what it is of one', () => {
  const back = table(audit(one, 0, '0', { state: 'rolled_back' }));
  expect(judgeStream(published, back)).toMatchObject({ state: 'rolled_back', left: 0, findings: [] });
  expect(judgeStream({ ...published, amongAll: false }, back)).toMatchObject({ state: 'wrong' });
});

describe('a run that has read the whole source settles', () => {
  const writings = (loaded: number, whole = true) => [{ run: 'r/2', document: document(two), loaded, whole }, { run: 'r/1', document: document(one), loaded: 10, whole }];
  const brought = [{ run: 'r/2', rows: 9, fingerprint: '90' }];

  test('a table that is exactly what it read', () => {
    expect(settledBy(writings(1), table(audit(two, 1, '10', { displaced: brought }), audit(one, 9, '90')))).toBe('r/2');
  });
  test.each<[string, TableAudit]>([
    ['of other rows', table(audit(two, 1, '11', { displaced: brought }), audit(one, 9, '90'))],
    ['with a row less', table(audit(two, 0, '0', { displaced: brought }), audit(one, 9, '90'))],
    ['that cannot be read', table(audit(two, 1, '10', { problem: 'a file of it cannot be read' }), audit(one, 9, '90'))],
    ['that was emptied', table(audit(two, 0, '0', { displaced: [{ run: 'r/2', rows: 10, fingerprint: '100' }] }), audit(one, 0, '0'))],
  ])('no table %s', (_what, found) => expect(settledBy(writings(1), found)).toBeNull());
  test('nothing where it has not read all, or another has loaded since', () => {
    const right = table(audit(two, 1, '10', { displaced: brought }), audit(one, 9, '90'));
    expect(settledBy(writings(1, false), right)).toBeNull();
    expect(settledBy([{ run: 'r/3', document: document(proof('r/3/s/0000/00', 1, '7')), loaded: 1, whole: false }, ...writings(1)], right)).toBeNull();
  });
});

test.each([
  ['as it was loaded', streams({ state: 'intact', batches: { total: 1, intact: 1, replaced: 0, wrong: 0 } })],
  ['as it was loaded, but for what later runs replaced', streams({ state: 'intact', batches: { total: 2, intact: 1, replaced: 1, wrong: 0 } }, { state: 'not_published' })],
  ['replaced by a later run', streams({ state: 'replaced' })],
  ['wrote no rows', streams({ state: 'wrote_nothing' }, { state: 'wrote_nothing' })],
  ['not as it was loaded, and settled by a later run', streams({ state: 'settled' }, { state: 'intact' })],
  ['published nothing', streams({ state: 'not_published' })],
])('the headline says "%s"', (headline, some) => {
  expect(headlineOf(some, false)).toBe(headline);
  expect(headlineOf(some, true)).toBe('not as it was loaded');
});
