import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { Connector, Landing, Source } from '../../src/connectors/connector';
import { files } from '../../src/connectors/files';
import type { Control } from '../../src/domain/control';
import { UnreadableValueError } from '../../src/domain/errors';
import type { LandingFile } from '../../src/domain/manifest';
import type { Plan, SourcePlan } from '../../src/domain/plan';
import type { FileRecord, Position } from '../../src/domain/position';
import { formatNamed } from '../../src/formats/registry';
import { measureFile } from '../../src/stores/checksum';
import { openEngine, type Engine, type Session, type TextRow } from '../../src/transforms/duckdb-engine';

/** What came of reading a stream of files, without a run around it. */
export interface Reading {
  readonly plan: SourcePlan;
  /** The source's own count. */
  readonly count: number;
  readonly rows: readonly TextRow[];
  readonly rejects: readonly { readonly line: string | null; readonly raw: string; readonly reasons: string; readonly origin: string }[];
  readonly landed: readonly LandingFile[];
}

export interface Bench {
  readonly home: string;
  readonly engine: Engine;
  put(name: string, content: string | Buffer): string;
  /** Plans and reads a stream as a run would. `words`: of the stream, in YAML flow style. */
  read(stream: string, words?: string, before?: { readonly position: Position | null; readonly files?: readonly FileRecord[] }, options?: { readonly careful?: boolean }): Promise<Reading>;
  close(): Promise<void>;
}

export const quietControl = (signal: AbortSignal = new AbortController().signal): Control => ({ signal, progress: () => undefined, reached: () => undefined });

/** A folder, an engine and a source of files. @param connector another kind of place, with its connection's options. */
export async function openBench(connector: Connector = files, config: unknown = { path: 'in' }): Promise<Bench> {
  const home = mkdtempSync(path.join(tmpdir(), 'millrace files '));
  for (const folder of ['in', 'landing']) mkdirSync(path.join(home, folder));
  const engine = await openEngine({ memoryLimit: '500MB', tempFolder: path.join(home, 'temp'), tempLimit: '4GB', slots: 2, threads: 2 });
  const open = (): Promise<Source> => connector.openSource!(config, { engine, baseFolder: home, connection: 'in' });

  return {
    home, engine,
    put(name, content) {
      const file = path.join(home, 'in', name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    async read(stream, words = '', before = { position: null }, { careful = false } = {}) {
      const mode = before.position || /changed_file: follow|cursor:/.test(words) ? 'incremental' : 'full';
      const yaml = `pipeline: p\nsource: in\ndestination: out\nstreams:\n  - { stream: ${JSON.stringify(stream)}, to: t, mode: ${mode}, write: ${mode === 'full' ? 'replace' : 'append'}${words ? `, ${words}` : ''} }\n`;
      const spec = parsePipeline(yaml, 'test.yaml').streams[0]!;
      const source = await open();
      try {
        const control = quietControl();
        const plan = await source.plan({ stream: spec, position: before.position, files: before.files ?? [], logicalDate: '2026-11-24T00:00:00Z' }, control);
        const landed: LandingFile[] = [];
        for (const partition of plan.partitions) landed.push(...await source.read({ stream: spec, plan: plan as Plan, partition }, landingIn(path.join(home, 'landing')), control));
        return { plan, landed, ...(await readLanded(engine, path.join(home, 'landing'), plan, landed, careful)) };
      } finally {
        await source.close();
      }
    },
    async close() {
      await engine.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export const landingIn = (folder: string): Landing => ({
  async create(extension) {
    const key = `${randomUUID()}.${extension}`;
    return { key, path: path.join(folder, key) };
  },
  async seal(key, facts, measured) {
    const there = await measureFile(path.join(folder, key));
    if (measured) expect(measured).toMatchObject(there);
    return { key, ...there, ...facts };
  },
});

async function readLanded(engine: Engine, folder: string, plan: SourcePlan, landed: readonly LandingFile[], careful: boolean): Promise<Pick<Reading, 'count' | 'rows' | 'rejects'>> {
  const rows: TextRow[] = [];
  const rejects: Reading['rejects'][number][] = [];
  let count = 0;
  for (const file of landed) {
    count += file.rows;
    await engine.session(new AbortController().signal, async (session) => {
      const { rejects: some } = await formatNamed(file.format.name).read(session, file.format.options, { path: path.join(folder, file.key), columns: plan.columns, relation: 'found', ordinals: true, careful, rejects: 'bad' });
      const before = [rows.length, rejects.length];
      const texts = plan.columns.map(({ name }) => `CAST("${name.replaceAll('"', '""')}" AS VARCHAR) AS "${name.replaceAll('"', '""')}"`);
      if (texts.length > 0) rows.push(...await session.rows(`SELECT ${texts.join(', ')} FROM found ORDER BY _millrace_ordinal`));
      if (some) rejects.push(...(await session.rows('SELECT line, raw, reasons FROM bad ORDER BY ordinal')).map((row) => ({ line: row['line']!, raw: row['raw']!, reasons: row['reasons']!, origin: file.origin })));
      const trusted = await readTrusting(session, path.join(folder, file.key), plan, file);
      if (trusted) expect({ rows: trusted, rejects: rejects.length - before[1]!, count: trusted.length }).toEqual({ rows: rows.slice(before[0]), rejects: 0, count: file.rows });
    });
  }
  return { count, rows, rejects };
}

/** Rows as the fast way reads them, where it does not give the file up: then they must be the same, and there is nothing to set aside. */
async function readTrusting(session: Session, file: string, plan: SourcePlan, { format }: LandingFile): Promise<readonly TextRow[] | null> {
  if (plan.columns.length === 0) return null;
  try {
    const { rejects } = await formatNamed(format.name).read(session, format.options, { path: file, columns: plan.columns, relation: 'trusted', ordinals: false, trusting: true, rejects: 'none' });
    // Not a format that is trusted.
    if (rejects) return null;
    return await session.rows(`SELECT ${plan.columns.map(({ name }) => `CAST("${name.replaceAll('"', '""')}" AS VARCHAR) AS "${name.replaceAll('"', '""')}"`).join(', ')} FROM trusted`);
  } catch (error) {
    if (error instanceof UnreadableValueError) return null;
    throw error;
  }
}

/** Files below a folder, for tests that nothing is written elsewhere. */
export const filesBelow = (folder: string): readonly string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
