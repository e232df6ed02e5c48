import type { Batch } from '../domain/batch';
import type { Column } from '../domain/column';
import type { Control } from '../domain/control';
import { columnsUnder } from '../domain/contract-verdict';
import { EtlError } from '../domain/errors';
import { streamPath, type RunRef } from '../domain/ids';
import type { NamedOptions, StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import type { PublishRequest } from '../connectors/connector';
import type { StagingStore } from '../stores/staging';
import { fileList, type Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { stepNamed } from '../transforms/registry';
import type { Compiled } from '../transforms/step';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';
import { renamed } from './plan-stream';
import { batchesOf, partitionBatches, putOutside } from './references';

/** Records set aside at one place of the chain, with what they had as columns there. */
interface Rejected {
  readonly batches: readonly Batch[];
  readonly columns: readonly Column[];
  /** Other names that a record may use: those of the source. */
  readonly origins: readonly string[];
  readonly steps: readonly NamedOptions[];
}

/**
 * Keys of what this run has in quarantine, as the target would hold them, so that a full scd2 does not end them as missing
 * (semantics 7). The steps run again over the raw records, only to see what becomes of the key.
 */
export async function findKeysAside({ staging, engine, resolveSecret }: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, stream: StreamSpec, plan: Plan): Promise<PublishRequest['keysAside']> {
  if (stream.write !== 'scd2' || stream.mode !== 'full') return null;
  const parts = await partitionBatches(artefacts, run, stream.stream, plan);
  const whole = plan.wholeStream ? await batchesOf(artefacts, run, stream.stream, plan) : [];
  if ([...parts, ...whole].every(({ quarantine }) => quarantine.length === 0)) return null;
  const { connectionsFile } = await artefacts.run(run);
  return engine.session(control.signal, async (session) => {
    await putOutside({ session, stream, connectionsFile, resolveSecret });
    const input = columnsUnder(plan.rules ?? [], renamed(plan.columns, plan.names));
    const origins = input.map(({ name }) => plan.columns[plan.names.indexOf(name)]?.name ?? name);
    const places: Rejected[] = [parts, whole].map((batches) => ({ batches, columns: input, origins, steps: stream.steps }));
    const selects: string[] = [];
    for (const [index, place] of places.entries()) {
      if (place.batches.every(({ quarantine }) => quarantine.length === 0)) continue;
      const relation = await keysOf(session, staging, `aside_${index}`, place, stream.key);
      if (relation === null) return 'unknown';
      selects.push(`SELECT ${typedKey(stream, plan)} FROM ${quoteIdentifier(relation)}`);
    }
    const { path } = await staging.create(`${streamPath(run, stream.stream)}/keys-aside`, 'parquet');
    const rows = await session.changed(`COPY (SELECT DISTINCT * FROM (${selects.join(' UNION ALL ')}) WHERE ${stream.key.map((name) => `${quoteIdentifier(name)} IS NOT NULL`).join(' AND ')}) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    return rows === 0 ? null : { path };
  });
}

const typedKey = (stream: StreamSpec, plan: Plan): string =>
  stream.key.map((name) => `TRY_CAST(${quoteIdentifier(name)} AS ${plan.target.find((column) => column.name === name)!.type}) AS ${quoteIdentifier(name)}`).join(', ');

/** Name of a view with the key columns; null: some record, or some step, does not tell them. */
async function keysOf(session: Session, staging: StagingStore, name: string, { batches, columns, origins, steps }: Rejected, key: readonly string[]): Promise<string | null> {
  const paths: string[] = [];
  for (const file of batches.flatMap(({ quarantine }) => quarantine)) paths.push(await staging.fetch(file));
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(`${name}_raw`)} AS SELECT CASE WHEN NOT derived THEN TRY_CAST(raw AS JSON) END AS record FROM read_parquet(${fileList(paths)})`);
  const { unread } = await session.row(`SELECT count(*) FILTER (record IS NULL OR json_type(record) <> 'OBJECT') AS unread FROM ${quoteIdentifier(`${name}_raw`)}`);
  if (unread !== '0') return null;
  const values = columns.map((column, index) => `TRY_CAST(coalesce(${[column.name, origins[index]!].map((field) => `json_extract_string(record, ${quoteLiteral(`$."${field.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)})`).join(', ')}) AS ${column.type}) AS ${quoteIdentifier(column.name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(name)} AS SELECT ${values.join(', ')} FROM ${quoteIdentifier(`${name}_raw`)}`);
  const relation = await throughSteps(session, name, columns, steps);
  const there = relation === null ? [] : (await columnsOf(session, relation)).map((column) => column.name);
  return key.every((column) => there.includes(column)) ? relation : null;
}

/** Steps that only compute columns are applied; those that drop rows cannot change a key; others may make any key of any row. */
async function throughSteps(session: Session, name: string, columns: readonly Column[], steps: readonly NamedOptions[]): Promise<string | null> {
  let [relation, now] = [name, columns];
  for (const [index, step] of steps.entries()) {
    if (step.name === 'join') continue;
    if (Object.keys(stepNamed(step.name).references(step.options)).length > 0) return null;
    const compiled = compileOver(step, now, relation);
    if (compiled === null || compiled.kind === 'reshape') return null;
    if (compiled.kind === 'keep') continue;
    if (compiled.program || compiled.from || compiled.windowed) return null;
    const next = `${name}_${index}`;
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(next)} AS SELECT ${compiled.columns.map((column) => `${column.sql} AS ${quoteIdentifier(column.name)}`).join(', ')} FROM ${quoteIdentifier(relation)}`);
    [relation, now] = [next, await columnsOf(session, next)];
  }
  return relation;
}

/** Null: it needs a column that a step left out here would have made. */
function compileOver({ name, options }: NamedOptions, columns: readonly Column[], relation: string): Compiled | null {
  try {
    return stepNamed(name).compile(options, { columns, relation: quoteIdentifier(relation), references: {} });
  } catch (error) {
    if (EtlError.is(error)) return null;
    throw error;
  }
}

const columnsOf = async (session: Session, relation: string): Promise<readonly Column[]> =>
  (await session.rows(`DESCRIBE SELECT * FROM ${quoteIdentifier(relation)}`)).map((row) => ({ name: row['column_name']!, type: row['column_type']!, nullable: true }));
