import { existsSync } from 'node:fs';
import path from 'node:path';
import { missingBatch, type TableAudit } from '../../domain/audit';
import { batchColumn, positionColumn } from '../../domain/column';
import { BalanceError, ConfigurationError, DestinationHeldError, FencedOffError } from '../../domain/errors';
import { proofText } from '../../domain/fingerprint';
import { stagesPosition } from '../../domain/pipeline';
import type { LedgerEntry } from '../../domain/ledger';
import type { FileRecord, Position } from '../../domain/position';
import { fileList, type Session, type TextRow } from '../../transforms/duckdb-engine';
import { quoteList, quoteLiteral } from '../../transforms/quote';
import type { Checkpoint, ConnectorContext, Destination, SchemaChanges, Target, VerifyRequest } from '../connector';
import { adopt, otherWriters } from './adopt';
import type { DuckDbConfig } from './config';
import { printSample } from '../print-sample';
import { dropHidden, namesOf, refuseOldFence, tableExists, type Names } from './names';
import { prepare } from './prepare';
import { proofOfTable } from './proof';
import { publish } from './publish';
import { canRollback, rollbackRun } from './rollback';
import { verifyTable } from './verify';

const systemTables = `
  CREATE TABLE IF NOT EXISTS _millrace_checkpoints (target VARCHAR, pipeline VARCHAR, stream VARCHAR, holder VARCHAR, started_at TIMESTAMPTZ, fence BIGINT, version BIGINT, "write" VARCHAR, "position" VARCHAR, publisher VARCHAR, receipt VARCHAR);
  CREATE SEQUENCE IF NOT EXISTS _millrace_batches;
  CREATE TABLE IF NOT EXISTS _millrace_loads (batch_number BIGINT, batch_id VARCHAR UNIQUE, target VARCHAR, pipeline VARCHAR, stream VARCHAR, run VARCHAR, fence BIGINT, checksum VARCHAR, plan_hash VARCHAR, "rows" BIGINT, state VARCHAR, committed_at TIMESTAMPTZ DEFAULT now(), published_at TIMESTAMPTZ);
  ALTER TABLE _millrace_loads ADD COLUMN IF NOT EXISTS original BIGINT;
  ALTER TABLE _millrace_loads ADD COLUMN IF NOT EXISTS fingerprint VARCHAR;
  ALTER TABLE _millrace_loads ADD COLUMN IF NOT EXISTS proof VARCHAR;
  ALTER TABLE _millrace_loads ADD COLUMN IF NOT EXISTS displaced STRUCT(number BIGINT, "rows" BIGINT, fingerprint VARCHAR)[];
  CREATE TABLE IF NOT EXISTS _millrace_files (target VARCHAR, pipeline VARCHAR, stream VARCHAR, path VARCHAR, size BIGINT, version VARCHAR, batches BIGINT[]);`;

/** Tables of a DuckDB file. One owner at a time: each call opens the file, commits and closes it (semantics 9). */
export async function openDuckDbDestination(config: DuckDbConfig, context: ConnectorContext): Promise<Destination> {
  const file = path.resolve(context.baseFolder, config.path);
  const always = new AbortController().signal;
  const transaction = <Result>(signal: AbortSignal, work: (session: Session) => Promise<Result>, committing: (point: 'before' | 'after') => void = () => undefined): Promise<Result> =>
    context.engine.file(file, { readOnly: false }, signal, async (session) => {
      await session.run('BEGIN');
      try {
        const result = await work(session);
        committing('before');
        await session.run('COMMIT');
        committing('after');
        return result;
      } catch (error) {
        await session.run('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });

  /** Without a file, in an empty database of memory: looking must not make one. */
  const looking = <Result>(work: (session: Session) => Promise<Result>, signal = always): Promise<Result> =>
    existsSync(file) ? context.engine.file(file, { readOnly: true }, signal, work) : context.engine.session(signal, work);

  return {
    check: async () => ({ ok: true, messages: [`"${context.connection}": "${file}"${existsSync(file) ? '' : ' (will be made)'}`] }),
    claim: (target, control) => transaction(control.signal, async (session) => {
      const names = namesOf(target);
      await session.run(systemTables);
      const row = await takeFence(session, names, target);
      const files = await filesOf(session, names);
      return {
        fence: Number(row['fence']), version: Number(row['version']), position: row['position'] ? (JSON.parse(row['position']) as Position) : null,
        files,
      };
    }),
    async prepare(target, plan, { dryRun, allowDestructive }): Promise<SchemaChanges> {
      const names = namesOf(target);
      const changes = (session: Session) => prepare(session, names, target, plan, allowDestructive);
      if (dryRun) return looking(async (session) => ({ statements: await changes(session), destructive: [], creates: !(await tableExists(session, names.schema, names.table)) }));
      return transaction(always, async (session) => {
        const statements = await changes(session);
        for (const statement of statements) await session.run(statement);
        return { statements, destructive: [] };
      });
    },
    provable: (target, columns, widens = []) => transaction(always, (session) => proofOfTable(session, namesOf(target).target, columns, widens)),
    load: ({ target, plan, batch, paths }, control) => transaction(control.signal, async (session) => {
      const names = namesOf(target);
      const [earlier] = await session.rows(`SELECT batch_number AS n, "rows" AS r, checksum, state FROM _millrace_loads WHERE batch_id = ${quoteLiteral(batch.id)}`);
      if (earlier) return receiptOf(earlier, batch.checksum, batch.id);
      await refuseOldFence(session, names, plan.fence, plan.version);
      const number = (await session.row('SELECT nextval(\'_millrace_batches\') AS n'))['n']!;
      const columns = quoteList([...batch.columns.map(({ name }) => name), ...(stagesPosition(target.stream) ? [positionColumn] : [])]);
      const from = `SELECT ${columns}, CAST(${number} AS BIGINT) AS ${batchColumn} FROM read_parquet(${fileList(paths)})`;
      await session.run(`CREATE TABLE IF NOT EXISTS ${names.hidden(plan.fence)} AS ${from} LIMIT 0`);
      const rows = batch.rows === 0 ? 0 : await session.changed(`INSERT INTO ${names.hidden(plan.fence)} ${from}`);
      control.reached('load:after-data');
      if (rows !== batch.rows) throw new BalanceError(`loading batch "${batch.id}" into "${names.label}": ${rows} rows arrived, ${batch.rows} were staged; nothing was loaded`, { batch: batch.id });
      const values = [names.label, target.run.pipeline, target.stream.stream, names.holder].map(quoteLiteral).join(', ');
      await session.run(`INSERT INTO _millrace_loads (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, "rows", state, original, fingerprint, proof) VALUES (${number}, ${quoteLiteral(batch.id)}, ${values}, ${plan.fence}, ${quoteLiteral(batch.checksum)}, ${quoteLiteral(plan.hash)}, ${rows}, 'committed', ${batch.original ?? 'NULL'}, ${batch.proof ? quoteLiteral(batch.proof.fingerprint) : 'NULL'}, ${plan.proof ? quoteLiteral(proofText(plan.proof.columns)) : 'NULL'})`);
      return { batchId: batch.id, batchNumber: number, rows, alreadyLoaded: false };
    }, (point) => control.reached(point === 'before' ? 'load:before-commit' : 'load:after-commit')),
    publish: (request, control) => transaction(control.signal, (session) => publish(session, namesOf(request.target), request), (point) => control.reached(point === 'before' ? 'publish:before-commit' : 'publish:after-commit')),
    count: (target, plan, batchIds) => transaction(always, async (session) => {
      const names = namesOf(target);
      if (batchIds.length === 0) return {};
      const from = (await tableExists(session, names.schema, `_millrace_s_${plan.fence}_${names.hash}`)) ? names.hidden(plan.fence) : names.target;
      const rows = await session.rows(`SELECT l.batch_id AS id, coalesce(c.n, 0) AS n FROM _millrace_loads l LEFT JOIN (SELECT ${batchColumn} AS b, count(*) AS n FROM ${from} GROUP BY 1) c ON c.b = l.batch_number WHERE l.batch_id IN (${batchIds.map(quoteLiteral).join(', ')})`);
      return Object.fromEntries(rows.map((row) => [row['id']!, Number(row['n'])]));
    }),
    discard: (target, plan, batchId) => transaction(always, async (session) => {
      const names = namesOf(target);
      await refuseOldFence(session, names, plan.fence, plan.version);
      const id = quoteLiteral(batchId);
      const values = [names.label, target.run.pipeline, target.stream.stream, names.holder].map(quoteLiteral).join(', ');
      const [earlier] = await session.rows(`SELECT batch_number AS n, state FROM _millrace_loads WHERE batch_id = ${id}`);
      if (earlier?.['state'] === 'published') throw new DestinationHeldError(`discarding batch "${batchId}" of "${names.label}": it is published; only what is not published can be taken back`, { batch: batchId });
      if (!earlier) await session.run(`INSERT INTO _millrace_loads (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, "rows", state) VALUES (nextval('_millrace_batches'), ${id}, ${values}, ${plan.fence}, '', ${quoteLiteral(plan.hash)}, 0, 'rolled_back')`);
      else await session.run(`UPDATE _millrace_loads SET state = 'rolled_back' WHERE batch_id = ${id}`);
      if (earlier && await tableExists(session, names.schema, `_millrace_s_${plan.fence}_${names.hash}`)) await session.run(`DELETE FROM ${names.hidden(plan.fence)} WHERE ${batchColumn} = ${earlier['n']}`);
    }),
    canRollback: (target) => looking((session) => canRollback(session, namesOf(target), target)),
    rollback: (target, control) => transaction(control.signal, (session) => rollbackRun(session, namesOf(target), target)),
    verify: (request, control) => existsSync(file)
      ? context.engine.file(file, { readOnly: true }, control.signal, async (session) => {
        const names = namesOf(request.target);
        return (await tableExists(session, 'main', '_millrace_loads')) ? verifyTable(session, names, await tableExists(session, names.schema, names.table), request) : nothingThere(request);
      })
      : Promise.resolve(nothingThere(request)),
    checkpoint: (target) => looking((session) => readCheckpoint(session, namesOf(target))),
    setPosition: (target, claim, position, control) => transaction(control.signal, async (session) => {
      const names = namesOf(target);
      await refuseOldFence(session, names, claim.fence, claim.version);
      await session.run(`UPDATE _millrace_checkpoints SET version = version + 1, "position" = ${position === null ? 'NULL' : quoteLiteral(JSON.stringify(position))}, publisher = ${quoteLiteral(names.holder)}, receipt = NULL WHERE ${names.mine}`);
      if (position === null) await session.run(`DELETE FROM _millrace_files WHERE ${names.mine}`);
      return (await readCheckpoint(session, names))!;
    }),
    writers: (target) => looking((session) => otherWriters(session, namesOf(target))).then((found) => found ?? []),
    adopt: (target, from, claim, control) => transaction(control.signal, (session) => adopt(session, namesOf(target), namesOf(from), { pipeline: target.run.pipeline, stream: target.stream.stream }, claim)),
    trace: (target, batchNumber) => looking((session) => traceBatch(session, namesOf(target), batchNumber)),
    keepsDistinct: true,
    ledger: (target, batchIds) => looking((session) => ledgerRows(session, namesOf(target), `batch_id IN (${batchIds.map(quoteLiteral).join(', ') || 'NULL'})`)),
    sample: (target, columns, rows, to, control) => looking((session) => printSample(session, namesOf(target).target, columns, rows, to), control.signal),
    rows: (target) => transaction(always, async (session) => {
      const names = namesOf(target);
      return (await tableExists(session, names.schema, names.table)) ? Number((await session.row(`SELECT count(*) AS n FROM ${names.target}`))['n']) : null;
    }),
    close: async () => undefined,
  };
}

const nothingThere = ({ batchIds }: VerifyRequest): TableAudit => ({ exists: false, batches: batchIds.map(missingBatch), strangers: null, whole: null });

async function takeFence(session: Session, names: Names, { run, stream }: Target): Promise<TextRow> {
  const read = `SELECT holder, fence, version, "position", started_at > CAST(${quoteLiteral(run.startedAt)} AS TIMESTAMPTZ) AS newer FROM _millrace_checkpoints WHERE ${names.mine}`;
  let [row] = await session.rows(read);
  if (row?.['holder'] === names.holder) return row;
  if (row?.['newer'] === 'true') throw new FencedOffError(`claiming "${names.label}": run "${row['holder']}" started later and holds it; this run ends, nothing was written by it`, { target: names.label });
  const others = await session.rows(`SELECT pipeline, stream FROM _millrace_checkpoints WHERE target = ${quoteLiteral(names.label)} AND version > 0 AND NOT (${names.mine}) AND (${['replace', 'delete_insert', 'scd2'].includes(stream.write)} OR "write" IN ('replace', 'delete_insert', 'scd2'))`);
  if (others[0]) throw new ConfigurationError(`claiming "${names.label}": stream "${others[0]['stream']}" of pipeline "${others[0]['pipeline']}" writes it too, and ${stream.write} would take its rows away; give one of them another table, or, if it is that stream under another name, let this one take its place with "millrace state adopt"`);
  const held = [names.holder, run.startedAt].map(quoteLiteral);
  if (row) await session.run(`UPDATE _millrace_checkpoints SET holder = ${held[0]}, started_at = ${held[1]}, fence = fence + 1, "write" = ${quoteLiteral(stream.write)} WHERE ${names.mine}`);
  else await session.run(`INSERT INTO _millrace_checkpoints (target, pipeline, stream, holder, started_at, fence, version, "write") VALUES (${[names.label, run.pipeline, stream.stream].map(quoteLiteral).join(', ')}, ${held.join(', ')}, 1, 0, ${quoteLiteral(stream.write)})`);
  [row] = await session.rows(read);
  await dropHidden(session, names, Number(row!['fence']));
  await session.run(`UPDATE _millrace_loads SET state = 'rolled_back' WHERE ${names.mine} AND state = 'committed' AND fence < ${row!['fence']}`);
  return row!;
}

async function readCheckpoint(session: Session, names: Names): Promise<Checkpoint | null> {
  if (!(await tableExists(session, 'main', '_millrace_files'))) return null;
  const [row] = await session.rows(`SELECT holder, fence, version, "position" FROM _millrace_checkpoints WHERE ${names.mine}`);
  return row ? {
    holder: row['holder'] ?? null, fence: Number(row['fence']), version: Number(row['version']),
    position: row['position'] ? (JSON.parse(row['position']) as Position) : null, files: await filesOf(session, names), publishedAt: null,
  } : null;
}

const filesOf = async (session: Session, names: Names): Promise<readonly FileRecord[]> =>
  (await session.rows(`SELECT path, size, version FROM _millrace_files WHERE ${names.mine} ORDER BY path`)).map((row) => ({ path: row['path']!, size: Number(row['size']), version: row['version']! }));

const traceBatch = async (session: Session, names: Names, batchNumber: string): Promise<LedgerEntry | null> =>
  (await ledgerRows(session, names, `batch_number = CAST(${quoteLiteral(batchNumber)} AS BIGINT)`))[0] ?? null;

async function ledgerRows(session: Session, { label }: Names, where: string): Promise<readonly LedgerEntry[]> {
  if (!(await tableExists(session, 'main', '_millrace_loads'))) return [];
  const rows = await session.rows(`SELECT batch_number AS n, batch_id AS id, run, stream, "rows" AS r, state, checksum, original, committed_at AS committed, published_at AS published FROM _millrace_loads WHERE target = ${quoteLiteral(label)} AND ${where}`);
  return rows.map((row) => ({
    batchNumber: row['n']!, batchId: row['id']!, run: row['run']!, stream: row['stream']!, rows: Number(row['r']), state: row['state'] as LedgerEntry['state'],
    checksum: row['checksum']!, committedAt: row['committed'] ?? null, publishedAt: row['published'] ?? null, ...(row['original'] && { original: row['original'] }),
  }));
}

function receiptOf(row: TextRow, checksum: string, id: string) {
  if (row['state'] === 'rolled_back') throw new FencedOffError(`loading batch "${id}": it was rolled back by a later run; this run cannot load it again`, { batch: id });
  if (row['checksum'] !== checksum) throw new FencedOffError(`loading batch "${id}": the ledger has it with other content; it is neither loaded again nor skipped: start a new run`, { batch: id });
  return { batchId: id, batchNumber: row['n']!, rows: Number(row['r']), alreadyLoaded: true };
}
