import { batchColumn } from '../../domain/column';
import { BalanceError, FencedOffError } from '../../domain/errors';
import { batchesByPart } from '../../domain/ids';
import type { PublishReceipt } from '../../domain/receipt';
import type { Control } from '../../domain/control';
import type { ConnectorContext, PublishRequest } from '../connector';
import { keysUnknownNote } from '../versions';
import { checkpointRow, positionOf, positionSql } from './checkpoint';
import { pieces, type Redshift, type Step, type TextRow } from './client';
import { assertion, fencedOff } from './fence';
import type { Names } from './names';
import { columnsOf } from './columns';
import { quoteList, quoteLiteral } from './quote';
import { sharedBatch } from '../shared-batch';
import { displacedSteps, strangersStep } from './displaced';
import { keysAsideSteps } from './keys-aside';
import { setAside } from './set-aside';
import { refusedOf } from './refused';
import type { Refused } from './staged-files';
import { removeStaged } from './staging-places';
import { counts, countStep, type Write } from './write';
import { keptNote } from './write-replace';
import { asideOf, writeSteps } from './writes';

/** Rows visible, ledger, files and checkpoint: one transaction. Counts are taken inside it and kept with the checkpoint. */
export async function publishStream(redshift: Redshift, names: Names, context: ConnectorContext, asked: PublishRequest, control: Control): Promise<PublishReceipt> {
  const { plan } = asked;
  const before = await checkpointRow(redshift, names);
  const stored = storedReceipt(names, plan.version, before);
  if (stored) return stored;
  try {
    await publishOnce(redshift, names, context, asked, control, before);
  } catch (error) {
    // An earlier attempt's publish may have been under way all the time, and be what was in the way: its receipt is ours.
    const won = storedReceipt(names, plan.version, await checkpointRow(redshift, names).catch(() => null));
    if (won) return won;
    throw error;
  }
  control.reached('publish:after-commit');
  await removeStaged(redshift.config, names, plan.fence);
  return storedReceipt(names, plan.version, await checkpointRow(redshift, names))!;
}

async function publishOnce(redshift: Redshift, names: Names, context: ConnectorContext, asked: PublishRequest, control: Control, before: TextRow | null): Promise<void> {
  const { plan, batchIds } = asked;
  const ledger = await ledgerBatches(redshift, names, asked);
  const refused = await refusedOf(redshift, names, plan.fence, ledger);
  const request = knowing(asked, refused);
  const write = await writeOf(redshift, context, request, names, ledger, control);
  const { judged, ...found } = await setAside({ redshift, names, context, request, control, refused }, asideOf(write));
  const receipt = {
    fence: plan.fence, version: plan.version + 1, batches: batchIds.length, position: plan.position, before: positionOf(before), ...(found.rejected > 0 && found),
    ...(request.keysAside === 'unknown' && request.target.stream.mode === 'full' && { notes: [keysUnknownNote] }), ...(request.target.stream.keepPrevious && request.target.stream.write === 'replace' && { notes: [keptNote(names.previousName)] }),
  };
  await redshift.once({
    doing: `publishing to "${names.label}"`, name: `${names.statements}f${plan.fence}/publish/${plan.version}/${batchIds.length}`, signal: control.signal,
    steps: (failures) => publishSteps({ ...write, rejected: judged }, JSON.stringify(receipt), failures > 0), accepted: () => control.reached('publish:before-commit'),
  });
}

/** Keys of rows that COPY refused were read: whether they are among the missing ones is not known. */
const knowing = (request: PublishRequest, refused: readonly Refused[]): PublishRequest => (refused.length > 0 && request.target.stream.write === 'scd2' ? { ...request, keysAside: 'unknown' } : request);

function storedReceipt(names: Names, version: number, row: TextRow | null): PublishReceipt | null {
  if (!row || Number(row['version']) !== version + 1 || row['publisher'] !== names.holder || row['receipt'] === null) return null;
  const receipt = JSON.parse(row['receipt']!) as PublishReceipt;
  return { ...receipt, rows: Number(row['written']), deduplicated: Number(row['deduplicated']), deleted: Number(row['deleted']), ...(Number(row['ended']) > 0 && { ended: Number(row['ended']) }) };
}

async function writeOf(redshift: Redshift, context: ConnectorContext, request: PublishRequest, names: Names, ledger: readonly TextRow[], control: Control): Promise<Write> {
  const { plan, target: { stream }, keysAside } = request;
  const known = await redshift.rows(`SELECT DISTINCT proof, CASE state WHEN 'published' THEN 'yes' ELSE 'no' END AS published FROM ${names.loads} WHERE target = ${quoteLiteral(names.label)} AND state <> 'rolled_back'`);
  return {
    names, request, types: await columnsOf(redshift, names.schema, names.table), hidden: names.hidden(plan.fence), columns: columnsOfWrite(request), replays: ledger.some((row) => row['original'] !== null),
    proofs: known.map((row) => row['proof'] ?? null), firstPublish: plan.version === 0 && !known.some((row) => row['published'] === 'yes'), rejected: 0,
    keysAside: stream.write === 'scd2' && keysAside !== null && keysAside !== 'unknown' ? await keysAsideSteps(redshift, names, context, request, keysAside.path, control) : [],
  };
}

const columnsOfWrite = ({ plan, target }: PublishRequest): string => quoteList([...plan.target.map(({ name }) => name), ...(target.stream.lineage ? [batchColumn] : [])]);

const committed = ({ mine }: Names, fence: number): string => `${mine} AND fence = ${fence} AND state = 'committed'`;

/** Every planned batch must be there. */
async function ledgerBatches(redshift: Redshift, names: Names, { plan, batchIds }: PublishRequest): Promise<readonly TextRow[]> {
  const rows = await redshift.rows(`SELECT batch_id, CAST(batch_number AS VARCHAR) AS n, CAST(original AS VARCHAR) AS original FROM ${names.loads} WHERE ${committed(names, plan.fence)}`);
  const found = new Set(rows.map((row) => row['batch_id']!));
  const missing = batchIds.filter((id) => !found.has(id));
  if (missing.length > 0) throw new FencedOffError(`publishing to "${names.label}": batch "${missing[0]}" is not in the ledger as committed; nothing was published: start a new run`, { batches: missing.length });
  return rows;
}

function publishSteps(write: Write, receipt: string, alone: boolean): readonly Step[] {
  const { names, request: { plan, batchIds, target: { stream } } } = write;
  const sum = (name: string) => `COALESCE(sum(CASE WHEN name = '${name}' THEN n END), 0) AS ${name}`;
  const changed = () => new FencedOffError(`publishing to "${names.label}": the ledger has other batches than the run; nothing was published: start a new run`);
  return [
    { sql: `LOCK ${names.lock}${alone ? `, ${names.checkpoints}, ${names.loads}, ${names.files}, ${names.displaced}` : ''}` },
    fencedOff(names, plan.fence, plan.version),
    assertion(`count(*) = ${batchIds.length}`, `FROM ${names.loads} WHERE ${committed(names, plan.fence)}`, changed),
    { sql: `CREATE TEMP TABLE ${counts} (name VARCHAR(32), n BIGINT)` },
    ...strangersStep(write),
    ...removeReloaded(write),
    ...writeSteps(write),
    { sql: `CREATE TEMP TABLE _millrace_sums AS SELECT ${['written', 'deduplicated', 'deleted', 'ended'].map(sum).join(', ')} FROM ${counts}` },
    ...(stream.lineage ? [refuseOtherCount(names, plan.fence)] : []),
    { sql: `UPDATE ${names.loads} SET state = 'published', published_at = GETDATE() WHERE ${committed(names, plan.fence)}` },
    ...recordFiles(write),
    { sql: `UPDATE ${names.checkpoints} SET version = version + 1, "position" = ${positionSql(plan.position)}, publisher = ${quoteLiteral(names.holder)}, receipt = ${quoteLiteral(receipt)}, written = s.written, deduplicated = s.deduplicated, deleted = s.deleted, ended = s.ended, published_at = GETDATE() FROM _millrace_sums s WHERE ${names.mine}` },
    { sql: `DROP TABLE ${names.hidden(plan.fence)}` },
  ];
}

/** What was counted while it was written must be in the table by batch number. */
function refuseOtherCount(names: Names, fence: number): Step {
  const ours = `SELECT batch_number FROM ${names.loads} WHERE ${committed(names, fence)}`;
  return assertion('s.written = t.n', `FROM _millrace_sums s CROSS JOIN (SELECT count(*) AS n FROM ${names.target} WHERE ${batchColumn} IN (${ours})) t`,
    () => new BalanceError(`publishing to "${names.label}": the table holds another number of rows of this run than were written; nothing was published`, { target: names.label }));
}

/** `changed_file: reload`: rows of the file's earlier version go by batch number. */
function removeReloaded(write: Write): readonly Step[] {
  const { names, request: { plan } } = write;
  if (plan.reloads.length === 0) return [];
  const these = '(SELECT batch_number FROM _millrace_reloads)';
  const old = `${batchColumn} IN ${these}`;
  const again = `path IN (${plan.reloads.map(quoteLiteral).join(', ')})`;
  return [
    { sql: `CREATE TEMP TABLE _millrace_reloads AS SELECT DISTINCT batch_number FROM ${names.files} WHERE ${names.mine} AND ${again}` },
    assertion('count(*) = 0', `FROM ${names.files} WHERE ${names.mine} AND NOT ${again} AND batch_number > 0 AND batch_number IN ${these}`, () => sharedBatch(names.label, null)),
    ...displacedSteps(write, 'target', `SELECT * FROM ${names.target} WHERE ${old}`),
    countStep('deleted', `${names.target} WHERE ${old}`),
    { sql: `DELETE FROM ${names.target} WHERE ${old}` },
  ];
}

/** A file is a partition; by its batches its rows are found when it is loaded again. One that was skipped has none: -1 keeps it recorded. */
function recordFiles({ names, request: { plan, batchIds } }: Write): readonly Step[] {
  if (plan.files.length === 0) return [];
  const batchesOf = batchesByPart(batchIds);
  const rows = plan.files.flatMap(({ path, size, version }, ordinal) => {
    const own = batchesOf(ordinal);
    return (own.length > 0 ? own : ['']).map((id) => `(${quoteLiteral(path)}, ${size}, ${quoteLiteral(version)}, ${quoteLiteral(id)})`);
  });
  return [
    { sql: 'CREATE TEMP TABLE _millrace_read (path VARCHAR(8192), size BIGINT, version VARCHAR(512), batch_id VARCHAR(2048))' },
    ...pieces(rows, ', ').map((values) => ({ sql: `INSERT INTO _millrace_read VALUES ${values}` })),
    { sql: `DELETE FROM ${names.files} USING _millrace_read r WHERE ${names.mine} AND ${names.files}.path = r.path` },
    {
      sql: `INSERT INTO ${names.files} (target, pipeline, stream, path, size, version, batch_number) SELECT ${[names.label, names.pipeline, names.stream].map(quoteLiteral).join(', ')}, f.path, f.size, f.version, COALESCE(l.batch_number, -1) ` +
        `FROM _millrace_read f LEFT JOIN ${names.loads} l ON l.batch_id = f.batch_id AND l.target = ${quoteLiteral(names.label)} AND l.fence = ${plan.fence} AND l.state = 'published'`,
    },
  ];
}
