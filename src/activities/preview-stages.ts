import { rowCheckLines } from '../checks/result-line';
import { runStreamChecks } from '../checks/row-checks';
import type { Sample } from '../connectors/connector';
import { emptyLine, type BalanceLine } from '../domain/balance';
import { positionColumn, type Column } from '../domain/column';
import { EtlError, UnreadableValueError } from '../domain/errors';
import { namesOf } from '../domain/naming';
import type { NamedOptions, StreamSpec } from '../domain/pipeline';
import type { PreviewReject, PreviewStage, PreviewStream } from '../domain/preview';
import type { CheckResultLine } from '../domain/receipt';
import { ordinalColumn } from '../formats/format';
import { formatNamed } from '../formats/registry';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { createRejects, describeChain, quotedReferences, runChain, type References, type ReferenceRelation } from '../transforms/run-chain';
import { renamed } from './plan-stream';

interface PreviewRequest {
  readonly session: Session;
  readonly stream: StreamSpec;
  /** Keeps the relations of several streams apart. */
  readonly index: number;
  readonly sample: Sample;
  readonly references: References;
  readonly rows: number;
  readonly shown: number;
}

/** Values longer than this are cut: they are for a screen. */
const longest = 200;

/** One stream's sample, step by step; stops where a step cannot be compiled or refuses to go on. */
export async function previewStream(request: PreviewRequest): Promise<{ readonly preview: PreviewStream; readonly result: ReferenceRelation }> {
  const { session, stream, index } = request;
  const stages: PreviewStage[] = [];
  let at: ReferenceRelation = { relation: `input_${index}`, columns: renamed(request.sample.columns, namesOf(request.sample.columns, stream.naming, stream.stream)) };
  let checks: readonly CheckResultLine[] = [];
  let problem: string | null = null;
  try {
    stages.push(await readStage(request, at));
    const { steps, refused } = await compilable(session, at.columns, stream.steps, request.references);
    for (const [ordinal, step] of steps.entries()) {
      const { stage, result } = await stepStage(request, at, `${ordinal + 1} ${step.name}`, [step], ordinal, []);
      stages.push(stage);
      at = result;
    }
    if (refused !== null) throw refused;
    if (stream.checks.length > 0) {
      const { stage, result, failing } = await stepStage(request, at, 'checks', [], stream.steps.length, stream.checks);
      stages.push(stage);
      at = result;
      checks = [...rowCheckLines(stream.checks, failing), ...await runStreamChecks(session, at.relation, at.columns, stream.checks, { references: quotedReferences(request.references) })];
    }
  } catch (error) {
    if (!EtlError.is(error)) throw error;
    problem = error.message;
  }
  return { preview: { stream: stream.stream, to: stream.to, stages, checks, problem }, result: at };
}

/** The steps up to the first that cannot be compiled: what the user wrote is judged before any of it runs. */
async function compilable(session: Session, columns: readonly Column[], steps: readonly NamedOptions[], references: References): Promise<{ readonly steps: readonly NamedOptions[]; readonly refused: unknown }> {
  let refused: unknown = null;
  for (let count = steps.length; ; count -= 1) {
    try {
      await describeChain(session, columns, steps.slice(0, count), references);
      return { steps: steps.slice(0, count), refused };
    } catch (error) {
      if (count === 0 || !EtlError.is(error)) throw error;
      refused = error;
    }
  }
}

async function readStage({ session, sample, index, rows, shown }: PreviewRequest, { relation, columns }: ReferenceRelation): Promise<PreviewStage> {
  const file = sample.files[0];
  const names = columns.map(({ name }, at) => `${quoteIdentifier(sample.columns[at]!.name)} AS ${quoteIdentifier(name)}`);
  const landed = `landing_${index}`;
  let rejects: readonly PreviewReject[] = [];
  let rejected = 0;
  if (!file) {
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(relation)} AS SELECT ${columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`).join(', ') || 'NULL AS nothing'}, CAST(NULL AS BIGINT) AS ${quoteIdentifier(positionColumn)} WHERE false`);
  } else {
    const read = async (name: string, careful: boolean): Promise<boolean> => {
      const result = await formatNamed(file.format.name).read(session, file.format.options, { path: file.path, columns: sample.columns, relation: name, ordinals: true, careful, rejects: `${name}_rejects` });
      await session.run(`CREATE TEMP TABLE ${quoteIdentifier(relation)} AS SELECT ${names.join(', ')}, ${quoteIdentifier(ordinalColumn)} AS ${quoteIdentifier(positionColumn)} FROM ${quoteIdentifier(name)} WHERE ${quoteIdentifier(ordinalColumn)} < ${rows}`);
      return result.rejects;
    };
    const { name, some } = await read(landed, false).then((found) => ({ name: landed, some: found }), async (error: unknown) => {
      if (!(error instanceof UnreadableValueError)) throw error;
      return { name: `${landed}_careful`, some: await read(`${landed}_careful`, true) };
    });
    if (some) {
      const from = `${quoteIdentifier(`${name}_rejects`)} WHERE ordinal < ${rows}`;
      rejected = Number((await session.row(`SELECT count(*) AS n FROM ${from}`))['n']);
      rejects = (await session.rows(`SELECT reasons, left(CAST(raw AS VARCHAR), 2000) AS raw FROM ${from} ORDER BY ordinal LIMIT ${shown}`)).map((row) => ({ reasons: row['reasons'] ?? '[]', raw: row['raw'] ?? '' }));
    }
  }
  const out = await countOf(session, relation);
  return { step: 'read', line: { ...emptyLine('read'), in: out + rejected, out, rejected }, columns, rows: await rowsOf(session, relation, columns, shown), rejects };
}

interface StepResult {
  readonly stage: PreviewStage;
  readonly result: ReferenceRelation;
  readonly failing: Readonly<Record<number, number>>;
}

async function stepStage({ session, index, references, shown }: PreviewRequest, before: ReferenceRelation, step: string, steps: readonly NamedOptions[], firstStep: number, checks: readonly NamedOptions[]): Promise<StepResult> {
  const rejects = `rejects_${index}_${firstStep}${checks.length > 0 ? '_checks' : ''}`;
  await createRejects(session, rejects);
  const chain = await runChain({ session, relation: before.relation, columns: before.columns, steps, firstStep, checks, references, rejects, positions: true });
  const out = await countOf(session, chain.relation);
  const { close, failing } = await chain.finish();
  const line: BalanceLine = { ...(close(out)[0] ?? { ...emptyLine(step), in: out, out }), step };
  const stage = { step, line, columns: chain.columns, rows: await rowsOf(session, chain.relation, chain.columns, shown), rejects: await rejectsOf(session, rejects, before, shown) };
  return { stage, result: { relation: chain.relation, columns: chain.columns }, failing };
}

const countOf = async (session: Session, relation: string): Promise<number> => Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(relation)}`))['n']);

async function rowsOf(session: Session, relation: string, columns: readonly Column[], shown: number): Promise<PreviewStage['rows']> {
  const values = columns.map(({ name }, at) => `left(CAST(${quoteIdentifier(name)} AS VARCHAR), ${longest}) AS v${at}`);
  const position = quoteIdentifier(positionColumn);
  const rows = await session.rows(`SELECT ${[`${position} AS position`, ...values].join(', ')} FROM ${quoteIdentifier(relation)} ORDER BY ${position} LIMIT ${shown}`);
  return rows.map((row) => ({ position: row['position'] ?? '', values: columns.map((_column, at) => row[`v${at}`] ?? null) }));
}

async function rejectsOf(session: Session, rejects: string, { relation, columns }: ReferenceRelation, shown: number): Promise<readonly PreviewReject[]> {
  const pairs = columns.map(({ name }) => `${quoteLiteral(name)}, CAST(b.${quoteIdentifier(name)} AS VARCHAR)`).join(', ');
  const rows = await session.rows(
    `SELECT r.reasons, left(coalesce(r.raw, CAST(json_object(${pairs}) AS VARCHAR)), 2000) AS raw FROM ${quoteIdentifier(rejects)} r ` +
    `LEFT JOIN ${quoteIdentifier(relation)} b ON b.${quoteIdentifier(positionColumn)} = r.position ORDER BY r.position LIMIT ${shown}`);
  return rows.map((row) => ({ reasons: row['reasons'] ?? '[]', raw: row['raw'] ?? '' }));
}
