import type { LandedPage } from '../../src/connectors/connector';
import { connectors } from '../../src/connectors/registry';
import type { LandingFile } from '../../src/domain/manifest';
import type { SourcePlan } from '../../src/domain/plan';
import type { TextRow } from '../../src/transforms/duckdb-engine';
import { testOn } from '../support/debian';
import { beginning, openSourceBench, type Asked, type SourceBench, type Stand } from '../support/sources/bench';
import { hardValues, sourceFixtures, type HardValue, type SourceFixture } from '../support/sources';

/** What `Source` promises (src/connectors/connector.ts), of every source in the registry. To add one: give it a fixture in test/support/sources. */
const sources = connectors.filter(({ openSource }) => openSource);

test.each(sources.map(({ name }) => name))('%s has a fixture', (name) => {
  expect(Object.keys(sourceFixtures)).toContain(name);
});

/** Of these a preview reads the first partition whole. */
const readsWhole = ['redshift'];

const sorted = (rows: readonly TextRow[]): readonly string[] => rows.map((row) => JSON.stringify(Object.entries(row))).sort();
const names = (hard: object): readonly HardValue[] => Object.keys(hard) as HardValue[];

const ways = Object.entries(sourceFixtures).flatMap(([name, definition]) => sources.filter((connector) => connector.name === (definition.connector ?? name)).map((connector) => [name, connector, definition] as const));

describe.each(ways)('%s', (_name, connector, definition) => {
  const on = testOn(definition.available?.() ?? true);
  let fixture: SourceFixture;
  let bench: SourceBench;
  /** Checkpoints, the first before anything was read; what each step's run planned, and what it read. */
  const stands: Stand[] = [beginning];
  const runs: { readonly plan: SourcePlan; readonly rows: readonly TextRow[] }[] = [];
  let at: string;
  let full: Asked;
  let plan: SourcePlan;

  /** What must be the same of two readings. */
  const facts = (files: readonly LandingFile[]) => files.map(({ rows, bytes, checksum, format, origin }) => ({ rows, format, origin, ...(fixture.otherBytes === undefined && { bytes, checksum }) }));

  beforeAll(async () => {
    if (on !== test) return;
    fixture = await definition.open();
    bench = await openSourceBench(connector, fixture);
    for (const [step] of fixture.steps.entries()) {
      at = await fixture.grow(step);
      if (fixture.words.incremental === null) continue;
      const from = stands[step]!;
      const asked = { words: fixture.words.incremental, from, at };
      const { plan: planned, files } = await bench.run(asked);
      runs.push({ plan: planned, rows: await bench.rows(planned, files) });
      stands.push({ position: planned.position, files: [...from.files, ...planned.files] });
    }
    full = { words: fixture.words.full, at };
    plan = await bench.plan(full);
  });
  afterAll(async () => {
    await bench?.close();
    await fixture?.close();
  });

  on('can be reached, and lists its streams with their columns', async () => {
    const [checked, streams] = await bench.withSource(async (source) => [await source.check(), await source.discover().catch((error: unknown) => { if (fixture.discovered !== null) throw error; return []; })]);
    expect(checked).toEqual({ ok: true, messages: expect.arrayContaining([expect.any(String)]) as string[] });
    if (fixture.discovered === null) return;
    const found = streams.find(({ stream }) => stream === fixture.discovered);
    expect(found).toBeDefined();
    // A place that is far away lists names alone.
    if (found!.columns.length > 0) expect(found!.columns.map((column) => column.name)).toEqual(plan.columns.map((column) => column.name));
  });

  on('reads every row once, every value as it is, of the type it has', async () => {
    expect(plan.columns.map((column) => `${column.name} ${column.type}`)).toEqual(fixture.columns);
    const { files } = await bench.run(full, plan);
    const expected = fixture.steps.flat();
    expect(sorted(await bench.rows(plan, files))).toEqual(sorted(expected));
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(expected.length);
  });

  on('takes no more than a sample for a preview', async () => {
    const sample = await bench.sample(full, 2);
    if (sample === null) return expect(readsWhole).toContain(connector.name);
    expect(sample.length).toBeGreaterThan(0);
    // Files and pages are taken as they come; a preview cuts them.
    if (connector.holdsTables) expect(sample).toHaveLength(2);
  });

  on('is tried with the hard values', () => {
    const values = fixture.steps[0]!.flatMap((row) => Object.values(row));
    const missing = names(hardValues).filter((hard) => !values.some(hardValues[hard]));
    expect(missing.sort()).toEqual(names(definition.lacks ?? {}).toSorted());
  });

  on('plans the same partitions of the same data', async () => {
    expect(await bench.plan(full)).toEqual(plan);
    const last = runs.at(-1);
    if (last) expect(await bench.plan({ words: fixture.words.incremental!, from: stands[runs.length - 1]!, at })).toEqual(last.plan);
    expect(plan.partitions.map(({ ordinal }) => ordinal)).toEqual(plan.partitions.map((_partition, index) => index));
    // What is planned is stored as JSON.
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  on('gives the same files however often it is asked, also by two at the same time', async () => {
    const [one, other] = (await Promise.all([bench.run(full, plan), bench.run(full, plan)])).map(({ files }) => files) as [LandingFile[], LandingFile[]];
    expect(facts(other)).toEqual(facts(one));
    expect(await bench.rows(plan, other)).toEqual(await bench.rows(plan, one));
    expect(new Set([...one, ...other].map(({ key }) => key)).size).toBe(one.length + other.length);
  });

  on('goes on from every checkpoint with what came after it, and from the last with nothing', async () => {
    if (fixture.words.incremental === null) return void await expect(bench.plan({ words: 'key: [id], cursor: at', from: beginning, at })).rejects.toThrow(/only "mode: full"/);
    expect(runs.map(({ rows }) => sorted(rows))).toEqual(fixture.steps.map(sorted));
    for (const [step, from] of stands.entries()) {
      // From there the last run went already.
      if (step === runs.length - 1) continue;
      const { plan: planned, files } = await bench.run({ words: fixture.words.incremental, from, at });
      expect(sorted(await bench.rows(planned, files))).toEqual(sorted(fixture.steps.slice(step).flat()));
    }
  });

  on('gives all rows of a partition after readings that died, wherever they did', async () => {
    const partition = plan.partitions[0]!;
    const whole = await bench.read(full, plan, partition);
    for (let dies = 1; dies <= whole.length + 1; dies += 1) {
      const pages = new Map<number, LandedPage>();
      let sealed = 0;
      const died = bench.read(full, plan, partition, pages, { sealed: () => { sealed += 1; if (sealed === dies) throw new Error('the worker died'); } });
      if (dies <= whole.length) await expect(died).rejects.toThrow('the worker died');
      else await died;
      const files = await bench.read(full, plan, partition, pages);
      expect(facts(files)).toEqual(facts(whole));
      expect(await bench.rows(plan, files)).toEqual(await bench.rows(plan, whole));
    }
  });

  on('stops when it is told to, before and during a reading', async () => {
    const stopped = new Error('told to stop');
    await expect(bench.plan({ ...full, signal: AbortSignal.abort(stopped) })).rejects.toBe(stopped);
    const controller = new AbortController();
    await expect(bench.read({ ...full, signal: controller.signal }, plan, plan.partitions[0]!, new Map(), { created: () => controller.abort(stopped) })).rejects.toBe(stopped);
    expect((await bench.read(full, plan, plan.partitions[0]!)).length).toBeGreaterThan(0);
  });

  on('shows some rows as a reading gives them, and counts them again, where it can', async () => {
    const some = await bench.sample(full, 2);
    const all = new Set(sorted(fixture.steps.flat()));
    if (some) expect(sorted(some).filter((row) => !all.has(row))).toEqual([]);
    if (some) expect(some.length).toBeGreaterThan(0);
    await bench.withSource(async (source) => {
      const stream = bench.specOf(full);
      const measured = await source.measure?.({ stream, plan: plan as never, aggregates: ['count(*)'] }, bench.controlOf());
      if (measured) expect(measured).toEqual([String(all.size)]);
      const proofs = await Promise.all(plan.partitions.map((partition) => source.prove?.({ stream, plan: plan as never, partition, columns: null }, bench.controlOf())));
      if (source.prove) expect(proofs.reduce((sum, proof) => sum + proof!.rows, 0)).toBe(all.size);
    });
  });

  /** Last: it takes the data away. */
  on('refuses what is no longer what was planned, and says what to do', async () => {
    if (!fixture.spoil) return;
    await fixture.spoil();
    await expect(bench.read(full, plan, plan.partitions[0]!)).rejects.toMatchObject({ disposition: 'hold', message: expect.stringMatching(/^reading .*(resume|run it again|run the pipeline again)/s) as string });
  });
});
