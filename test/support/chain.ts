import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { chainProblems, type BalanceLine } from '../../src/domain/balance';
import type { Column } from '../../src/domain/column';
import type { JsonObject } from '../../src/domain/json';
import type { NamedOptions } from '../../src/domain/pipeline';
import { openEngine, type Engine, type Session, type TextRow } from '../../src/transforms/duckdb-engine';
import { stepSpecSchema } from '../../src/transforms/registry';
import { createRejects, runChain } from '../../src/transforms/run-chain';
import { putBaseFolder, putSecrets } from '../../src/transforms/secrets';

export interface Ran {
  /** In source order, without the position; every value as text. */
  readonly rows: readonly TextRow[];
  readonly columns: readonly Column[];
  /** `position: step: column reason; …` */
  readonly rejects: readonly string[];
  readonly lines: readonly BalanceLine[];
}

/** An engine for the tests of one file, in a folder of its own. */
export function useEngine(memoryLimit = '500MB'): { get(): Engine } {
  let engine: Engine;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-steps-'));
    engine = await openEngine({ memoryLimit, tempFolder: folder, tempLimit: '20GB', slots: 2, threads: 2 });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { get: () => engine };
}

/** `- trim: {…}` in YAML, options through each step's own schema. */
export const stepsOf = (yaml: string): readonly NamedOptions[] => (parse(yaml) as readonly Record<string, unknown>[]).map((entry) => {
  const [[name, options]] = Object.entries(entry) as [[string, unknown]];
  return { name, options: stepSpecSchema(name).parse(options ?? {}) as JsonObject };
});

export const secrets: ReadonlyMap<string, string> = new Map([['${env:KEY}', 'a key of some length'], ['${env:OTHER}', 'quite another key']]);

/** Runs steps over the rows of a SELECT (in its order) and closes their balance. `other`: a SELECT for what join and lookup read. */
export function ranOn(engine: Engine, yaml: string, select: string, other?: string): Promise<Ran> {
  return engine.session(new AbortController().signal, async (session) => {
    await putSecrets(session, secrets);
    await putBaseFolder(session, __dirname);
    const input = await relationOf(session, 'input', `SELECT *, row_number() OVER () - 1 AS _millrace_position FROM (${select})`);
    const reference = other === undefined ? {} : { other: { relation: 'other', columns: await relationOf(session, 'other', other) } };
    await createRejects(session, 'rejects');
    const steps = stepsOf(yaml);
    const result = await runChain({ session, relation: 'input', columns: input.filter(({ name }) => name !== '_millrace_position'), steps, firstStep: 0, checks: [], references: Object.fromEntries(steps.map((_, ordinal) => [ordinal, reference])), rejects: 'rejects', positions: true });
    const rows = await session.rows(`SELECT * EXCLUDE (_millrace_position) FROM "${result.relation}" ORDER BY _millrace_position`);
    const rejects = await session.rows('SELECT position, step, reasons FROM rejects ORDER BY position');
    const lines = (await result.finish()).close(rows.length);
    const read = Number((await session.row('SELECT count(*) AS n FROM input'))['n']);
    expect(chainProblems(lines, read, rows.length)).toEqual([]);
    return { rows, columns: result.columns, lines, rejects: rejects.map(({ position, step, reasons }) => `${position}: ${step}: ${(JSON.parse(reasons!) as { column: string; reason: string }[]).map(({ column, reason }) => `${column} ${reason}`).join('; ')}`) };
  });
}

async function relationOf(session: Session, name: string, select: string): Promise<readonly Column[]> {
  await session.run(`CREATE TEMP TABLE ${name} AS ${select}`);
  return (await session.rows(`DESCRIBE ${name}`)).map((row) => ({ name: row['column_name']!, type: row['column_type']!, nullable: true }));
}

/** `SELECT` of one text column `v` with these values. */
export const texts = (...values: readonly (string | null)[]): string =>
  `SELECT CAST(v AS VARCHAR) AS v FROM (VALUES ${values.map((value, index) => `(${value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`}, ${index})`).join(', ')}) t(v, i) ORDER BY i`;

/** Rejects in order, each with its record: its own, the one that it carried along, or the one at its position. */
export const rejectsWithRecords = (rejects: string, input: string, columns: readonly string[]): string =>
  `SELECT position, step, reasons, raw, coalesce(raw, record, CAST(json_object(${columns.map((name) => `'${name}', CAST(i."${name}" AS VARCHAR)`).join(', ')}) AS VARCHAR)) AS record FROM ${rejects} LEFT JOIN ${input} i ON i._millrace_position = position ORDER BY ALL`;
