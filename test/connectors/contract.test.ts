import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunSummary, StreamSummary } from '../../src/domain/receipt';
import type { RunProgress } from '../../src/workflows/messages';
import { millrace, useInstallation } from '../support/millrace';
import { connections } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { ensureBucket } from '../support/s3';
import { eventually } from '../support/temporal';
import { progressOf } from '../support/probe';
import { install, killNow, summaryOf, type Installation } from '../support/worker';

/** A run that a failed attempt leaves behind keeps its pipeline's name. */
const mark = randomBytes(4).toString('hex');
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let worker: Awaited<ReturnType<Installation['startWorker']>>;

beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await ensureBucket('millrace-test');
  place = await install(connections(source, database));
  worker = await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await source.drop();
  await database.drop();
});

/** Ten rows with an integer, a wide integer and a text. */
const createTable = async (name: string): Promise<void> => {
  await source.run(`CREATE TABLE ${name} (id bigint, total integer, amount bigint, note varchar(20))`);
  await source.run(`INSERT INTO ${name} SELECT n, n * 10, n * 100, 'note ' || n FROM generate_series(1, 10) n`);
};

/** What happens to the source between two runs; two rows of ten do not fit what was known. */
const drifts = {
  added: (name: string) => [`ALTER TABLE ${name} ADD COLUMN extra text`, `UPDATE ${name} SET extra = 'more' WHERE id <= 2`],
  missing: (name: string) => [`ALTER TABLE ${name} DROP COLUMN note`],
  widened: (name: string) => [`ALTER TABLE ${name} ALTER COLUMN total TYPE bigint`, `UPDATE ${name} SET total = 3000000000 WHERE id <= 2`],
  narrowed: (name: string) => [`ALTER TABLE ${name} ALTER COLUMN amount TYPE integer`],
  changed: (name: string) => [`ALTER TABLE ${name} ALTER COLUMN total TYPE text`, `UPDATE ${name} SET total = CASE id WHEN 1 THEN 'many' ELSE '007' END WHERE id <= 2`],
  renamed: (name: string) => [`ALTER TABLE ${name} RENAME COLUMN note TO remark`],
} as const;
type DriftName = keyof typeof drifts;
const words = ['evolve', 'freeze', 'discard_row', 'discard_value', 'quarantine', 'approve'] as const;
type Word = (typeof words)[number];

const pipelineOf = (name: string, destination: string, streams: readonly string[]): string => `pipeline: ${name}_${mark}\nsource: shop\ndestination: ${destination}\nlimits: { concurrency: 8 }\nstreams:\n${streams.map((stream) => `  - ${stream}\n`).join('')}`;
const streamOf = (drift: string, word: string): string => `{ stream: ${drift}_${word}, query: "SELECT * FROM ${drift}", to: ${drift}_${word}, mode: full, write: replace, contract: { columns: ${word}, types: ${word} } }`;

/** Columns of a target as `name type`, in order. */
const columnsOf = async (table: string): Promise<readonly string[]> => (await database.rows(
  "SELECT attname || ' ' || format_type(atttypid, atttypmod) AS c FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attname <> '_millrace_batch_id' ORDER BY attnum", [table])).map((row) => row['c'] as string);
const known = ['id bigint', 'total integer', 'amount bigint', 'note character varying(20)'];
const withColumn = (column: string): readonly string[] => [...known, column];
const typed = (name: string, type: string): readonly string[] => known.map((column) => (column.startsWith(`${name} `) ? `${name} ${type}` : column));

/** What becomes of ten rows: loaded, set aside, left out; and the target's columns. `refused`: nothing was written. */
type Outcome = { readonly loaded: number; readonly rejected?: number; readonly filtered?: number; readonly columns: readonly string[] } | 'refused';
const outcomes: Readonly<Record<DriftName, Readonly<Record<Word, Outcome>>>> = {
  added: {
    evolve: { loaded: 10, columns: withColumn('extra text') }, freeze: 'refused', approve: { loaded: 10, columns: withColumn('extra text') },
    discard_row: { loaded: 8, filtered: 2, columns: known }, discard_value: { loaded: 10, columns: known }, quarantine: { loaded: 8, rejected: 2, columns: known },
  },
  missing: { evolve: { loaded: 10, columns: known }, freeze: 'refused', approve: { loaded: 10, columns: known }, discard_row: 'refused', discard_value: { loaded: 10, columns: known }, quarantine: 'refused' },
  widened: {
    evolve: { loaded: 10, columns: typed('total', 'bigint') }, freeze: 'refused', approve: { loaded: 10, columns: typed('total', 'bigint') },
    discard_row: { loaded: 8, filtered: 2, columns: known }, discard_value: { loaded: 10, columns: known }, quarantine: { loaded: 8, rejected: 2, columns: known },
  },
  narrowed: { evolve: { loaded: 10, columns: known }, freeze: 'refused', approve: { loaded: 10, columns: known }, discard_row: { loaded: 10, columns: known }, discard_value: { loaded: 10, columns: known }, quarantine: { loaded: 10, columns: known } },
  changed: {
    evolve: 'refused', freeze: 'refused', approve: 'refused',
    discard_row: { loaded: 8, filtered: 2, columns: known }, discard_value: { loaded: 10, columns: known }, quarantine: { loaded: 8, rejected: 2, columns: known },
  },
  renamed: { evolve: { loaded: 10, columns: withColumn('remark character varying(20)') }, freeze: 'refused', approve: { loaded: 10, columns: withColumn('remark character varying(20)') }, discard_row: 'refused', discard_value: { loaded: 10, columns: known }, quarantine: 'refused' },
};

const waitingStreams = async (handle: { query(name: string): Promise<unknown> }): Promise<readonly string[]> =>
  ((await handle.query('progress')) as RunProgress).streams.flatMap(({ stream, waiting }) => (waiting.some(({ state }) => state === 'waiting_approval') ? [stream] : []));

describe('a source that has changed since the last run', () => {
  const summaries = new Map<string, StreamSummary>();
  const asked: string[] = [];
  const yaml = pipelineOf('drifting', 'db', Object.keys(drifts).flatMap((drift) => words.map((word) => streamOf(drift, word))));

  beforeAll(async () => {
    for (const name of Object.keys(drifts)) await createTable(name);
    expect((await place.run(yaml)).state).toBe('succeeded');
    for (const [name, change] of Object.entries(drifts)) for (const sql of change(name)) await source.run(sql);
    const handle = await place.start(yaml);
    // A stream that waits keeps its place among those that run at once: each is let pass as it comes.
    await eventually(async () => {
      for (const stream of await waitingStreams(handle)) {
        asked.push(stream);
        expect(await columnsOf(stream)).toEqual(known);
        await handle.executeUpdate(stream === 'changed_approve' ? 'reject' : 'approve', { args: [{ stream }] as [unknown] });
      }
      return (await handle.describe()).status.name !== 'RUNNING';
    }, 'all streams have ended', 300);
    for (const stream of (await summaryOf(handle) as RunSummary).streams) summaries.set(stream.stream, stream);
  }, 600_000);

  for (const [drift, byWord] of Object.entries(outcomes)) {
    for (const [word, outcome] of Object.entries(byWord)) {
      test(`${word}: a column is ${drift}`, async () => {
        const summary = summaries.get(`${drift}_${word}`)!;
        if (outcome === 'refused') {
          expect(summary).toMatchObject({ state: 'failed', error: { area: 'check' } });
          expect(summary.error!.message).toMatch(/["~+-] .*(is new|is missing|was \w+)/);
          expect(await columnsOf(`${drift}_${word}`)).toEqual(known);
          expect(await database.row(`SELECT sum(total)::text AS total FROM ${drift}_${word}`)).toEqual({ total: '550' });
          return;
        }
        expect(summary.drift!.length).toBeGreaterThan(0);
        const { rejected = 0, filtered = 0, loaded, columns } = outcome;
        expect(summary).toMatchObject({ state: rejected > 0 ? 'succeeded_with_rejects' : 'succeeded', totals: { read: 10, loaded, rejected, filtered } });
        expect(await columnsOf(`${drift}_${word}`)).toEqual(columns);
      });
    }
  }

  test('a person was asked for what approve says, and for nothing else', () => {
    expect([...new Set(asked)].sort()).toEqual(Object.keys(drifts).map((drift) => `${drift}_approve`).sort());
    expect(summaries.get('added_approve')!.approvals).toMatchObject([{ what: expect.stringMatching(/\n\+ "extra" VARCHAR is new; approved, it is added to the target$/) as string }]);
  });

  test('a column under another name is proposed by type and values, with the step that keeps it one column', () => {
    const { drift, approvals } = summaries.get('renamed_approve')!;
    expect(drift).toMatchObject([{ kind: 'missing', column: 'note', renamed: { to: 'remark', because: expect.stringContaining('100 % of the sampled values were there') as string } }, { kind: 'new', column: 'remark' }]);
    expect(approvals![0]!.what).toContain('put "rename: { columns: { remark: note } }" first among the steps, reject this and run it again; approved, it stays in the target');
    expect(summaries.get('renamed_freeze')!.error!.message).toContain('it may be "remark" now');
  });

  test('values that do not fit are NULL and counted where the contract discards them', async () => {
    expect(await database.row('SELECT count(*) FILTER (WHERE total IS NULL)::text AS n FROM widened_discard_value')).toEqual({ n: '2' });
    expect(await database.row('SELECT count(*) FILTER (WHERE total IS NULL)::text AS n FROM changed_discard_value')).toEqual({ n: '2' });
    expect(summaries.get('widened_discard_value')!.notes).toContain('the contract discarded 2 values of "total"; their rows went on');
    expect(await database.row('SELECT count(note)::text AS n FROM missing_discard_value')).toEqual({ n: '0' });
  });

  test('what was let pass is known from then on, and the rest is told again', async () => {
    const again = await place.run(yaml.replace(/^ {2}- .*(freeze|approve|changed_evolve|(missing|renamed)_(discard_row|quarantine)).*\n/gm, ''));
    const drifting = again.streams.filter(({ drift }) => drift !== undefined).map(({ stream }) => stream);
    expect(drifting.filter((stream) => stream.endsWith('_evolve'))).toEqual([]);
    expect(drifting).toEqual(expect.arrayContaining(['added_discard_row', 'widened_quarantine', 'missing_discard_value']));
    expect(again.streams.find(({ stream }) => stream === 'narrowed_evolve')).toMatchObject({ state: 'succeeded', totals: { loaded: 10 } });
  }, 240_000);
});

describe('a run that waits for a person to let a change pass', () => {
  const yaml = pipelineOf('asking', 'db', ['{ stream: asking, mode: full, write: replace, contract: { columns: approve } }']);

  test('outlives its worker, shows the difference and what to do, and loads what it has staged once approved', async () => {
    await createTable('asking');
    await place.run(yaml);
    await source.run('ALTER TABLE asking ADD COLUMN extra text');
    const handle = await place.start(yaml);
    await eventually(async () => (await waitingStreams(handle)).length === 1, 'it waits', 120);
    const child = place.client.workflow.getHandle(`${handle.workflowId}/asking`);
    const { currentDetails: details } = await child.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(details).toMatch(/nothing is loaded: \\?"millrace approve asking_\w+ asking\\?".*\+ \\?"extra\\?" VARCHAR is new; approved, it is added/s);
    await killNow(worker);
    // Nothing is asked of the source again: it may have changed once more meanwhile.
    await source.run('INSERT INTO asking (id) VALUES (11)');
    worker = await place.startWorker();
    const restore = useInstallation(place);
    try {
      expect(await columnsOf('asking')).toEqual(known);
      expect(await millrace('approve', handle.workflowId, '--reason', 'we asked for it')).toMatchObject({ code: 0 });
    } finally {
      restore();
    }
    const summary = await summaryOf(handle);
    expect(summary.streams[0]).toMatchObject({ state: 'succeeded', totals: { read: 10, loaded: 10 }, approvals: [{ reason: 'we asked for it' }] });
    expect(await columnsOf('asking')).toEqual(withColumn('extra text'));
    expect(await place.verify(handle.workflowId)).toMatchObject({ ok: true });
  }, 240_000);

  test('plan and check show the difference, and reject leaves the target as it was', async () => {
    await source.run('ALTER TABLE asking DROP COLUMN note');
    const file = path.join(place.home, 'asking.yaml');
    writeFileSync(file, yaml);
    const restore = useInstallation(place);
    try {
      const planned = (await millrace('plan', file)).out.replace(/\s+/g, ' ');
      expect(planned).toContain('changed - "note" character varying(20) is missing');
      expect(planned).toContain('contract rows are read and staged; nothing is loaded before "millrace approve RUN"');
      expect(await millrace('check', file)).toMatchObject({ code: 0, out: expect.stringContaining('- "note" character varying(20) is missing') as string });
      writeFileSync(file, yaml.replace('approve', 'freeze'));
      expect(await millrace('check', file)).toMatchObject({ code: 3, out: expect.stringContaining('the run ends before anything is written') as string });
    } finally {
      restore();
    }
    const handle = await place.start(yaml);
    await eventually(async () => (await waitingStreams(handle)).length === 1, 'it waits', 120);
    await handle.executeUpdate('reject', { args: [{ reason: 'no' }] as [unknown] });
    expect((await summaryOf(handle)).streams[0]).toMatchObject({ state: 'failed', error: { area: 'check', message: expect.stringContaining('rejected (no)') as string } });
    expect(await database.row('SELECT count(note)::text AS n FROM asking')).toEqual({ n: '10' });
  }, 240_000);
});

test('a source that changes between plan and reading holds the run and says what changed', async () => {
  await createTable('moving');
  const yaml = pipelineOf('moving', 'db', ['{ stream: moving, mode: full, write: replace, contract: { columns: evolve } }']);
  await killNow(worker);
  const dying = await place.startWorker('plan:after-plan');
  const handle = await place.start(yaml);
  await once(dying, 'exit');
  await source.run('ALTER TABLE moving DROP COLUMN note');
  worker = await place.startWorker();
  await eventually(async () => (await progressOf(handle)).streams[0]?.message?.includes('column "note" changed since the run was planned'), 'it is held', 120);
  await source.run('ALTER TABLE moving ADD COLUMN note varchar(20)');
  await handle.signal('resume');
  expect((await summaryOf(handle)).state).toBe('succeeded');
}, 240_000);

describe.each([
  ['duck', 'merged', 'mode: full, write: merge, key: [id]', ''],
  ['lake', 'added', 'mode: incremental, write: append, cursor: at, settle: 30 seconds', ''],
  ['bucket', 'moved', 'mode: full, write: replace', ''],
])('evolve in %s, %s', (destination, name, write) => {
  test('adds columns, widens types and narrows none', async () => {
    const table = `evolving_${destination}_${name}`;
    await createTable(table);
    await source.run(`ALTER TABLE ${table} ADD COLUMN at timestamptz DEFAULT timestamptz '2026-01-01'`);
    const yaml = pipelineOf(table, destination, [`{ stream: ${table}, ${write}, contract: { columns: evolve, types: evolve } }`]);
    const first = await place.run(yaml);
    expect(first.state).toBe('succeeded');
    for (const change of [...drifts.added(table), ...drifts.widened(table), ...drifts.narrowed(table)]) await source.run(change);
    await source.run(`INSERT INTO ${table} (id, total, amount, at) VALUES (11, 4000000000, 5, timestamptz '2026-01-02')`);
    const summary = await place.run(yaml);
    expect(summary).toMatchObject({ state: 'succeeded' });
    expect(summary.streams[0]!.drift!.map(({ kind }) => kind)).toEqual(['widened', 'narrowed', 'new']);
    for (const run of [first, summary]) expect(await place.verify(run.run.workflowId)).toMatchObject({ ok: true });
    const back = destination === 'duck' ? `{ stream: ${table}, mode: full, write: replace, to: back_${table} }` : `{ stream: "${table}/${name === 'moved' ? 'run=*/' : ''}*.parquet", mode: full, write: replace, naming: keep, steps: [{ select: { columns: [id, total, amount, note, extra] } }], to: back_${table} }`;
    const read = await place.run(`pipeline: back_${table}_${mark}\nsource: ${destination}\ndestination: db\nstreams:\n  - ${back}\n`);
    expect(read).toMatchObject({ state: 'succeeded', totals: { loaded: 11 } });
    expect(await columnsOf(`back_${table}`)).toEqual(expect.arrayContaining(['total bigint', 'amount bigint', 'extra text']));
  }, 240_000);
});

test('evolve in db: what has only become longer, of a type with a length or digits, is widened', async () => {
  await source.run("CREATE TABLE longer (id int, note varchar(5), total int, share numeric(6,2), seen timestamp(3), word varchar(9)); INSERT INTO longer SELECT n, 'n' || n, n, n, timestamp '2026-01-01', 'w' FROM generate_series(1, 3) n");
  const yaml = pipelineOf('longer', 'db', ['{ stream: longer, mode: full, write: append, snapshot: true, contract: { columns: evolve, types: evolve } }']);
  expect((await place.run(yaml)).state).toBe('succeeded');
  await source.run("ALTER TABLE longer ALTER note TYPE varchar(50), ALTER total TYPE numeric(14,2), ALTER share TYPE numeric(12,4), ALTER seen TYPE timestamp, ALTER word TYPE varchar(4); UPDATE longer SET note = 'much longer than before', total = 123456789012.25, share = 12345678.1234, seen = timestamp '2026-01-01 00:00:00.123456' WHERE id = 1");
  const summary = await place.run(yaml);
  expect(summary).toMatchObject({ state: 'succeeded', totals: { loaded: 3 } });
  expect(await columnsOf('longer')).toEqual(['id integer', 'note character varying(50)', 'total numeric(14,2)', 'share numeric(12,4)', 'seen timestamp without time zone', 'word character varying(9)']);
  expect(await database.row("SELECT note, total::text, share::text, seen::text FROM longer WHERE note LIKE 'much%'")).toEqual({ note: 'much longer than before', total: '123456789012.25', share: '12345678.1234', seen: '2026-01-01 00:00:00.123456' });
  expect(await place.verify(summary.run.workflowId)).toMatchObject({ ok: true });
}, 240_000);
