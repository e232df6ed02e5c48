import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parsePipeline } from '../../../src/config/load-pipeline';
import type { Connector, LandedPage, Landing, Source } from '../../../src/connectors/connector';
import type { Control } from '../../../src/domain/control';
import type { LandingFile } from '../../../src/domain/manifest';
import type { StreamSpec } from '../../../src/domain/pipeline';
import type { Partition, Plan, SourcePlan } from '../../../src/domain/plan';
import type { FileRecord, Position } from '../../../src/domain/position';
import { formatNamed } from '../../../src/formats/registry';
import { openEngine, type TextRow } from '../../../src/transforms/duckdb-engine';
import type { SourceFixture } from './fixture';

/** A checkpoint as a publish leaves it. */
export interface Stand { readonly position: Position | null; readonly files: readonly FileRecord[] }
export const beginning: Stand = { position: null, files: [] };

export interface Asked { readonly words: string; readonly from?: Stand; readonly at: string; readonly signal?: AbortSignal }

/** What happens to a reading on its way: both may throw, as a dying worker would. */
export interface Interference { created?(): void; sealed?(): void }

export type SourceBench = ReturnType<typeof openSourceBench> extends Promise<infer Opened> ? Opened : never;

/** A source as activities use it: one instance for each piece of work, landing files in a folder. */
export async function openSourceBench(connector: Connector, fixture: SourceFixture) {
  const home = mkdtempSync(path.join(tmpdir(), 'millrace sources '));
  const landed = path.join(home, 'landing');
  mkdirSync(landed);
  const engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(home, 'temp'), tempLimit: '2GB', slots: 2, threads: 2 });

  async function withSource<Result>(work: (source: Source) => Promise<Result>): Promise<Result> {
    const source = await connector.openSource!(fixture.connection, { engine, baseFolder: fixture.baseFolder ?? home, connection: 'in' });
    try {
      return await work(source);
    } finally {
      await source.close();
    }
  }
  const specOf = ({ words, from }: Pick<Asked, 'words' | 'from'>): StreamSpec => {
    const mode = from ? 'mode: incremental, write: append' : 'mode: full, write: replace';
    return parsePipeline(`pipeline: p\nsource: in\ndestination: out\nstreams:\n  - { stream: ${JSON.stringify(fixture.stream)}, to: t, ${mode}${words && `, ${words}`} }\n`, 'test.yaml').streams[0]!;
  };
  const controlOf = (signal = new AbortController().signal): Control => ({ signal, progress: () => undefined, reached: () => undefined });

  return {
    withSource, specOf, controlOf,
    plan: (asked: Asked): Promise<SourcePlan> => withSource((source) =>
      source.plan({ stream: specOf(asked), position: asked.from?.position ?? null, files: asked.from?.files ?? [], logicalDate: asked.at }, controlOf(asked.signal))),
    /** Plans and reads all partitions, by one instance. @param planned by another one before */
    async run(asked: Asked, planned?: SourcePlan): Promise<{ readonly plan: SourcePlan; readonly files: readonly LandingFile[] }> {
      return await withSource(async (source) => {
        const stream = specOf(asked);
        const plan = planned ?? await source.plan({ stream, position: asked.from?.position ?? null, files: asked.from?.files ?? [], logicalDate: asked.at }, controlOf());
        const files: LandingFile[] = [];
        for (const partition of plan.partitions) files.push(...await source.read({ stream, plan: plan as Plan, partition }, landingIn(landed, new Map(), {}), controlOf()));
        return { plan, files };
      });
    },
    /** One partition by an instance of its own. @param pages what earlier attempts recorded. */
    read: (asked: Asked, plan: SourcePlan, partition: Partition, pages: Map<number, LandedPage> = new Map(), interference: Interference = {}): Promise<readonly LandingFile[]> => withSource((source) =>
      source.read({ stream: specOf(asked), plan: plan as Plan, partition }, landingIn(landed, pages, interference), controlOf(asked.signal))),
    /** Rows of landing files as a run would read them. */
    async rows(plan: SourcePlan, files: readonly LandingFile[]): Promise<readonly TextRow[]> {
      const rows: TextRow[] = [];
      for (const file of files) rows.push(...await engine.session(new AbortController().signal, async (session) => {
        const { rejects } = await formatNamed(file.format.name).read(session, file.format.options, { path: path.join(landed, file.key), columns: plan.columns, relation: 'found', ordinals: true, rejects: 'bad' });
        if (rejects) expect(await session.rows('SELECT * FROM bad')).toEqual([]);
        return await session.rows(`SELECT ${plan.columns.map(({ name }) => `CAST("${name}" AS VARCHAR) AS "${name}"`).join(', ')} FROM found ORDER BY _millrace_ordinal`);
      }));
      return rows;
    },
    async sample(asked: Asked, rows: number): Promise<readonly TextRow[] | null> {
      return await withSource(async (source) => {
        if (!source.sample) return null;
        const { columns, files } = await source.sample({ stream: specOf(asked), rows, position: null }, landingIn(landed, new Map(), {}), controlOf());
        const found: TextRow[] = [];
        for (const file of files) found.push(...await engine.session(new AbortController().signal, async (session) => {
          await formatNamed(file.format.name).read(session, file.format.options, { path: file.path, columns, relation: 'found', ordinals: true, rejects: 'bad' });
          return await session.rows(`SELECT ${columns.map(({ name }) => `CAST("${name}" AS VARCHAR) AS "${name}"`).join(', ')} FROM found`);
        }));
        return found;
      });
    },
    async close() {
      await engine.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

const landingIn = (folder: string, pages: Map<number, LandedPage>, { created, sealed }: Interference): Landing => ({
  async create(extension) {
    const key = `${randomUUID()}.${extension}`;
    created?.();
    return { key, path: path.join(folder, key) };
  },
  async seal(key, facts) {
    const bytes = await readFile(path.join(folder, key));
    sealed?.();
    return { key, bytes: bytes.length, checksum: createHash('sha256').update(bytes).digest('hex'), ...facts };
  },
  pages: {
    find: async (number) => pages.get(number) ?? null,
    async record(number, page) {
      if (!pages.has(number)) pages.set(number, page);
      return pages.get(number)!;
    },
  },
});
