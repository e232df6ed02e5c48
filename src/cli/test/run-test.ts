import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { gatherReferences } from '../../activities/preview-references';
import { renamed } from '../../activities/plan-stream';
import { putOutside } from '../../activities/references';
import { unknownWord } from '../../config/problems';
import type { ExpectedReject, PipelineTest } from '../../config/pipeline-tests';
import { positionColumn, type Column } from '../../domain/column';
import { ConfigurationError, EtlError } from '../../domain/errors';
import { namesOf } from '../../domain/naming';
import type { StreamSpec } from '../../domain/pipeline';
import { ordinalColumn } from '../../formats/format';
import { formatNamed } from '../../formats/registry';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../../transforms/quote';
import { putLookups, type AnswerLine, type Lookups } from '../../transforms/lookups';
import { exactJson } from '../../programs/exact-json';
import { memberText } from '../../activities/http-answers';
import { createRejects, describeChain, runChain, type ReferenceRelation } from '../../transforms/run-chain';
import { compareRows, type Difference, type Row } from './compare';

export interface TestResult {
  readonly name: string;
  readonly stream: string;
  readonly at: string;
  readonly passed: boolean;
  /** Columns that were compared. */
  readonly columns: readonly string[];
  readonly differences: readonly Difference[];
  /** Rows that were rejected and not expected to be, and the other way round. */
  readonly rejects: readonly string[];
  /** Why it could not be run; null: it was. */
  readonly problem: string | null;
}

interface TestRequest {
  readonly session: Session;
  readonly test: PipelineTest;
  readonly stream: StreamSpec;
  readonly connectionsFile: string;
  resolveSecret(connectionsFile: string, reference: string): Promise<string>;
}

/** Given rows through the steps and row checks of a stream, and what came out against what is expected. */
export async function runTest(request: TestRequest): Promise<TestResult> {
  const { test } = request;
  const nothing: TestResult = { name: test.name, stream: test.stream, at: test.at, passed: false, columns: [], differences: [], rejects: [], problem: null };
  try {
    const { relation, columns } = await throughSteps(request);
    const compared = await comparedColumns(request.session, test, columns);
    const differences = compareRows(await expectedRows(request.session, compared), await actualRows(request.session, relation, compared), compared.map(({ name }) => name));
    const rejects = await compareRejects(request.session, test.rejected);
    return { ...nothing, passed: differences.length === 0 && rejects.length === 0, columns: compared.map(({ name }) => name), differences, rejects };
  } catch (error) {
    if (!EtlError.is(error)) throw error;
    return { ...nothing, problem: error.message };
  }
}

async function throughSteps({ session, test, stream, connectionsFile, resolveSecret }: TestRequest): Promise<ReferenceRelation> {
  await putOutside({ session, stream, connectionsFile, resolveSecret });
  const given = await rowsInto(session, 'given', test.given, { ...stream.types, ...test.types });
  const names = namesOf(given.columns, stream.naming, stream.stream);
  await session.run(`CREATE TEMP TABLE input AS SELECT ${given.columns.map(({ name }, index) => `${quoteIdentifier(name)} AS ${quoteIdentifier(names[index]!)}`).join(', ')}, ${quoteIdentifier(ordinalColumn)} AS ${quoteIdentifier(positionColumn)} FROM given`);
  const columns = renamed(given.columns, names);
  const standIn = async (what: string, name: string, relation: string): Promise<ReferenceRelation> => {
    const rows = test.references[name];
    if (!rows) throw new ConfigurationError(`running test "${test.name}": a step reads ${what} "${name}"; give its rows under "references: { ${name}: […] }"`);
    const read = await rowsInto(session, relation, rows, {});
    return { relation, columns: read.columns };
  };
  const references = await gatherReferences(session, stream, connectionsFile, {
    stream: (name, relation) => standIn('stream', name, relation),
    table: ({ table }, relation) => standIn('table', table, relation),
  });
  putLookups(session, answersOf(session, test));
  await describeChain(session, columns, stream.steps, references);
  await createRejects(session, 'rejects');
  return runChain({ session, relation: 'input', columns, steps: stream.steps, firstStep: 0, checks: stream.checks, references, rejects: 'rejects', positions: true });
}

/** Answers of APIs stand in the test: `references: { crm_api: [{ address: /customers/7, answer: { … } }] }`; what does not stand there is not known. */
const answersOf = (session: Session, test: PipelineTest): Lookups => ({
  kept: async () => [],
  async ask({ connection, members }) {
    const rows = test.references[connection];
    if (!rows) throw new ConfigurationError(`running test "${test.name}": a step asks connection "${connection}"; give its answers under "references: { ${connection}: [{ address: …, answer: { … } }] }"`);
    const lines = rows.map((row): AnswerLine => {
      const { address, answer } = exactJson(row) as { readonly address?: unknown; readonly answer?: unknown };
      return { a: String(address), s: 'found', m: members.map((member) => memberText(answer, member)), e: null, t: 0 };
    });
    const file = path.join(session.scratch(), `answers_${connection.replace(/\W/g, '_')}.jsonl`);
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return [file];
  },
});

/** Rows of JSON text as a relation with ordinals; types are told, or as the values say. */
async function rowsInto(session: Session, relation: string, rows: readonly string[], types: Readonly<Record<string, string>>): Promise<{ readonly columns: readonly Column[] }> {
  const file = path.join(session.scratch(), `${relation}.jsonl`);
  writeFileSync(file, rows.map((row) => `${row}\n`).join(''));
  const format = formatNamed('jsonl');
  const inferred = await format.infer(session, file, {}, rows.length);
  const told = Object.keys(types).filter((name) => !inferred.some((column) => column.name === name)).map((name): Column => ({ name, type: types[name]!, nullable: true }));
  const columns = [...inferred.map((column) => ({ ...column, type: types[column.name] ?? column.type })), ...told];
  const { rejects } = await format.read(session, {}, { path: file, columns, relation, ordinals: true, rejects: `${relation}_rejects` });
  const wrong = rejects ? await session.rows(`SELECT ordinal, reasons FROM ${quoteIdentifier(`${relation}_rejects`)} ORDER BY ordinal LIMIT 1`) : [];
  if (wrong[0]) throw new ConfigurationError(`reading row ${Number(wrong[0]['ordinal']) + 1} of "${relation}": ${wrong[0]['reasons']}; write its values as the column's type, or another under "types"`);
  return { columns };
}

/** Columns that an expected row names, in the order of the result. */
async function comparedColumns(session: Session, test: PipelineTest, columns: readonly Column[]): Promise<readonly Column[]> {
  await session.run('CREATE TEMP TABLE expected (ordinal BIGINT, body JSON)');
  for (const [index, row] of test.expected.entries()) await session.run(`INSERT INTO expected VALUES (${index}, ${quoteLiteral(row)})`);
  const named = (await session.rows('SELECT DISTINCT unnest(json_keys(body)) AS name FROM expected')).map((row) => row['name']!);
  const known = columns.map(({ name }) => name);
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ConfigurationError(`comparing test "${test.name}": ${unknownWord('column', unknown, known)}`);
  return columns.filter(({ name }) => named.includes(name));
}

/** Expected values in the form of the column's type: `12.5` is the 12.50 of a DECIMAL(12,2). */
async function expectedRows(session: Session, columns: readonly Column[]): Promise<readonly Row[]> {
  const values = columns.map(({ name, type }, index) => {
    const text = `json_extract_string(body, ${quoteLiteral(`$."${name.replaceAll('"', '\\"')}"`)})`;
    return `coalesce(CAST(TRY_CAST(${text} AS ${type}) AS VARCHAR), ${text}) AS v${index}`;
  });
  return rowsOf(await session.rows(`SELECT ${['ordinal', ...values].join(', ')} FROM expected ORDER BY ordinal`), columns);
}

const actualRows = async (session: Session, relation: string, columns: readonly Column[]): Promise<readonly Row[]> =>
  rowsOf(await session.rows(`SELECT ${[...columns.map(({ name }, index) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS v${index}`), quoteList([positionColumn])].join(', ')} FROM ${quoteIdentifier(relation)} ORDER BY ${quoteIdentifier(positionColumn)}`), columns);

const rowsOf = (rows: readonly Readonly<Record<string, string | null>>[], columns: readonly Column[]): readonly Row[] => rows.map((row) => columns.map((_column, index) => row[`v${index}`] ?? null));

/** Each rejected row must be one that is expected, and the other way round. */
async function compareRejects(session: Session, expected: readonly ExpectedReject[]): Promise<readonly string[]> {
  const columns = (await session.rows('DESCRIBE SELECT * FROM input')).map((row) => row['column_name']!).filter((name) => name !== positionColumn);
  const record = `coalesce(r.raw, CAST(json_object(${columns.map((name) => `${quoteLiteral(name)}, CAST(i.${quoteIdentifier(name)} AS VARCHAR)`).join(', ')}) AS VARCHAR))`;
  const rows = await session.rows(`SELECT r.position, r.step, r.reasons, ${record} AS raw FROM rejects r LEFT JOIN input i ON i.${quoteIdentifier(positionColumn)} = r.position ORDER BY r.position`);
  const left = rows.map((row) => ({ step: row['step']!, reasons: JSON.parse(row['reasons']!) as { column: string | null; reason: string }[], raw: row['raw']! }));
  const missing = expected.filter((wanted) => {
    const at = left.findIndex((reject) => fits(wanted, reject));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [
    ...missing.map((wanted) => `no row was rejected ${JSON.stringify({ ...wanted, ...(wanted.record && { record: JSON.parse(wanted.record) as unknown }) })}`),
    ...left.map(({ step, reasons, raw }) => `rejected, which was not expected: [${step}] ${reasons.map(({ column, reason }) => `${column ?? ''} ${reason}`.trim()).join('; ')}: ${raw}`),
  ];
}

function fits({ step, column, reason, record }: ExpectedReject, reject: { readonly step: string; readonly reasons: readonly { readonly column: string | null; readonly reason: string }[]; readonly raw: string }): boolean {
  if (step !== undefined && reject.step !== step && !reject.step.endsWith(` ${step}`)) return false;
  if (!reject.reasons.some((one) => (column === undefined || one.column === column) && (reason === undefined || one.reason.includes(reason)))) return false;
  const values = record === undefined ? {} : (JSON.parse(record) as Record<string, unknown>);
  const there = JSON.parse(reject.raw) as Record<string, string | null>;
  return Object.entries(values).every(([name, value]) => (value === null ? (there[name] ?? null) === null : there[name] === (typeof value === 'string' ? value : JSON.stringify(value))));
}
