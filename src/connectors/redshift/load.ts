import { batchColumn, positionColumn } from '../../domain/column';
import type { Control } from '../../domain/control';
import { BalanceError, EtlError, FencedOffError } from '../../domain/errors';
import { proofText } from '../../domain/fingerprint';
import { batchNumberOf, partOf } from '../../domain/ids';
import type { LoadReceipt } from '../../domain/receipt';
import type { ConnectorContext, LoadRequest } from '../connector';
import type { Redshift, Step, TextRow } from './client';
import { copyColumnsOf, copySql, stage, stageColumns, stageSql, type CopyColumn, type StagedCopy } from './copy-files';
import { assertion, fencedOff, fencedOffError } from './fence';
import { explained } from './load-errors';
import type { Names } from './names';
import { describeColumns } from './columns';
import { quoteIdentifier, quoteLiteral, quoteOrNull } from './quote';
import { findRefused, setRefusedAside } from './refused';
import { folderOf, stageForCopy, type Loading, type Refused } from './staged-files';
import { removeBelow } from './staging-places';

/**
 * Rows and their ledger row in one transaction: lock, fence, ledger, COPY into a table of the session, count, write, ledger row. The
 * lock comes first, so all that follows sees what was committed last. An answer that is lost is found again by the statement's name.
 */
export async function loadBatch(redshift: Redshift, names: Names, context: ConnectorContext, request: LoadRequest, control: Control): Promise<LoadReceipt> {
  const { plan, batch } = request;
  const number = batchNumberOf(plan.fence, partOf(batch.id));
  const earlier = await findLoad(redshift, names, batch.id);
  if (earlier) return receiptOf(earlier, batch.checksum, batch.id);
  const there = await describeColumns(redshift, names.schema, names.hiddenName(plan.fence));
  if (there.size === 0) throw fencedOffError(names, plan.fence);
  const loading = { config: redshift.config, names, context, request, columns: copyColumnsOf(request, there, redshift.config.format), control };
  const known = await findRefused(loading);
  const told = { rows: false };
  try {
    return await loadStaged(redshift, loading, number, known, told);
  } catch (error) {
    const refused = told.rows && known === null && redshift.config.misfits === 'quarantine' ? await setRefusedAside(redshift, loading).catch((failed: unknown) => { throw isPassing(failed) ? failed : error; }) : null;
    if (refused === null) throw error;
    return loadStaged(redshift, loading, number, refused, told);
  }
}

const isPassing = (error: unknown): boolean => !EtlError.is(error) || error.disposition === 'retry';

/** @param told COPY refused rows, as the system table says: set where it did. */
async function loadStaged(redshift: Redshift, loading: Loading, number: string, refused: Refused | null, told: { rows: boolean }): Promise<LoadReceipt> {
  const { names, request, columns, control } = loading;
  const { batch } = request;
  const staged = await stageForCopy(loading, refused);
  control.reached('load:after-data');
  const copyFailed = async (error: Error) => {
    await removeBelow(loading.config, `${folderOf(loading)}/`).catch(() => undefined);
    const found = await explained(redshift, error, doingOf(names, request));
    told.rows = found.rows;
    return found.error;
  };
  try {
    await redshift.once({
      doing: doingOf(names, request), name: `${names.statements}${number}/${batch.checksum.slice(0, 32)}${refused ? '/again' : ''}`, signal: control.signal,
      steps: (failures) => loadSteps(redshift, names, request, { number, columns, staged, refused, copyFailed, alone: failures > 0 }), accepted: () => control.reached('load:before-commit'),
    });
  } catch (error) {
    // Another attempt of the same batch may have committed meanwhile: its receipt is ours.
    const winner = await findLoad(redshift, names, batch.id).catch(() => null);
    if (winner) return receiptOf(winner, batch.checksum, batch.id);
    throw error;
  }
  control.reached('load:after-commit');
  const loaded = await findLoad(redshift, names, batch.id);
  if (!loaded) throw new FencedOffError(`loading batch "${batch.id}": the statement ended well and the ledger does not have it; start a new run`, { batch: batch.id });
  control.progress({ rows: batch.rows });
  return { ...receiptOf(loaded, batch.checksum, batch.id), alreadyLoaded: false };
}

interface LoadParts {
  readonly number: string;
  readonly columns: readonly CopyColumn[];
  readonly staged: StagedCopy;
  readonly refused: Refused | null;
  copyFailed(error: Error): Promise<Error>;
  /** After a conflict with another stream's transaction: with the ledger locked there is none. */
  readonly alone: boolean;
}

const doingOf = (names: Names, { batch }: LoadRequest): string => `loading batch "${batch.id}" into "${names.label}"`;

function loadSteps({ config }: Redshift, names: Names, request: LoadRequest, { number, columns, staged, refused, copyFailed, alone }: LoadParts): readonly Step[] {
  const { plan, batch } = request;
  const into = stageColumns(columns);
  const rows = batch.rows - (refused?.rows ?? 0);
  const otherCount = () => new BalanceError(`loading batch "${batch.id}" into "${names.label}": not all of its ${rows} rows arrived; nothing was loaded`, { batch: batch.id });
  return [
    { sql: `LOCK ${names.lock}${alone ? `, ${names.loads}` : ''}` },
    fencedOff(names, plan.fence, plan.version),
    assertion('count(*) = 0', `FROM ${names.loads} WHERE batch_id = ${quoteLiteral(batch.id)}`, () => new FencedOffError(`loading batch "${batch.id}": another attempt has dealt with it`, { batch: batch.id })),
    { sql: stageSql(columns) },
    ...(rows === 0 ? [] : [{ sql: copySql(stage, config, into, staged, config.format), otherwise: copyFailed }]),
    assertion(`count(*) = ${rows}`, `FROM ${stage}`, otherCount),
    { sql: `INSERT INTO ${names.hidden(plan.fence)} (${[...into, batchColumn].join(', ')}) SELECT ${[...columns.map(({ name, form }) => form.moved(quoteIdentifier(name))), positionColumn, `CAST(${number} AS BIGINT)`].join(', ')} FROM ${stage}` },
    { sql: ledgerSql(names, request, number) },
    // As a publish says what it does not write of its own batches.
    ...(refused ? [{ sql: `INSERT INTO ${names.displaced} (target, run, batch_number, "rows", fingerprint) VALUES (${[names.label, names.holder].map(quoteLiteral).join(', ')}, ${number}, ${refused.rows}, ${quoteOrNull(refused.fingerprint)})` }] : []),
  ];
}

function ledgerSql(names: Names, { plan, batch }: LoadRequest, number: string): string {
  const id = quoteLiteral(batch.id);
  const texts = [names.label, names.pipeline, names.stream, names.holder].map(quoteLiteral).join(', ');
  return `INSERT INTO ${names.loads} (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, "rows", state, original, fingerprint, proof, committed_at) SELECT ${number}, ${id}, ${texts}, ${plan.fence}, ${quoteLiteral(batch.checksum)}, ${quoteLiteral(plan.hash)}, ` +
    `${batch.rows}, 'committed', ${batch.original ?? 'CAST(NULL AS BIGINT)'}, ${quoteOrNull(batch.proof?.fingerprint)}, ${quoteOrNull(plan.proof && proofText(plan.proof.columns))}, GETDATE() WHERE NOT EXISTS (SELECT 1 FROM ${names.loads} WHERE batch_id = ${id})`;
}

export const findLoad = async (redshift: Redshift, names: Names, id: string): Promise<TextRow | null> =>
  (await redshift.rows(`SELECT CAST(batch_number AS VARCHAR) AS n, CAST("rows" AS VARCHAR) AS loaded, checksum, state FROM ${names.loads} WHERE batch_id = ${quoteLiteral(id)}`))[0] ?? null;

function receiptOf(row: TextRow, checksum: string, id: string): LoadReceipt {
  if (row['state'] === 'rolled_back') throw new FencedOffError(`loading batch "${id}": it was rolled back by a later run; this run cannot load it again`, { batch: id });
  if (row['checksum'] !== checksum) throw new FencedOffError(`loading batch "${id}": the ledger has it with other content; it is neither loaded again nor skipped: start a new run`, { batch: id });
  return { batchId: id, batchNumber: row['n']!, rows: Number(row['loaded']), alreadyLoaded: true };
}
