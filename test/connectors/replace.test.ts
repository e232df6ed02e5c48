import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectorNamed } from '../../src/connectors/registry';
import type { Destination } from '../../src/connectors/connector';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { RunRef } from '../../src/domain/ids';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** What a replace keeps of the table it replaces, and what can be taken back afterwards (semantics 7 and 8). */
let database: TestDatabase;
let place: Installation;
let engine: Engine;
let scratch: string;
beforeAll(async () => {
  database = await createDatabase();
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: replace.duckdb }\n`);
  await place.startWorker();
  scratch = mkdtempSync(path.join(tmpdir(), 'millrace-look-'));
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: scratch, tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await place.close();
  await database.drop();
  rmSync(scratch, { recursive: true, force: true });
});

const yaml = (name: string, words: string, destination = 'db') => `pipeline: ${name}\nsource: db\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, ${words} }\n`;
const full = 'mode: full, write: replace';
const source = (name: string, values: string) => database.run(`CREATE TABLE ${name}_src (id int, v text, at timestamptz); INSERT INTO ${name}_src VALUES ${values}`);
const oidOf = async (table: string) => (await database.row('SELECT to_regclass($1)::oid::text AS oid', [table]))['oid'];

describe('what hangs on the table', () => {
  test('a rename carries owner, grants, comments, indexes, primary and unique constraints over', async () => {
    const name = 'shaped';
    await source(name, `(1, 'a', NULL), (2, 'b', NULL)`);
    await place.run(yaml(name, full));
    const [owner, reader] = [`owner_${Date.now()}`, `reader_${Date.now()}`];
    await database.run(`CREATE ROLE ${owner}; CREATE ROLE ${reader}`);
    await database.run(`ALTER TABLE ${name} ADD PRIMARY KEY (id), ADD CONSTRAINT "One V" UNIQUE (v) DEFERRABLE; CREATE INDEX "some USING name" ON ${name} (lower(v)) WHERE id > 1; CREATE UNIQUE INDEX shaped_two ON ${name} (id DESC, v)`);
    await database.run(`COMMENT ON TABLE ${name} IS 'the table''s'; COMMENT ON COLUMN ${name}.v IS 'the value'; COMMENT ON INDEX shaped_two IS 'two'; COMMENT ON CONSTRAINT "One V" ON ${name} IS 'one'`);
    await database.run(`GRANT SELECT ON ${name} TO ${reader} WITH GRANT OPTION; GRANT UPDATE (v) ON ${name} TO ${reader}; GRANT SELECT ON ${name} TO PUBLIC; ALTER TABLE ${name} OWNER TO ${owner}`);
    const shape = async () => ({
      indexes: await database.rows(`SELECT indexname, indexdef, obj_description(format('%I', indexname)::regclass) AS said FROM pg_indexes WHERE tablename = '${name}' ORDER BY 1`),
      constraints: await database.rows(`SELECT conname, pg_get_constraintdef(oid) AS def, obj_description(oid, 'pg_constraint') AS said FROM pg_constraint WHERE conrelid = '${name}'::regclass AND contype <> 'n' ORDER BY 1`),
      table: await database.rows(`SELECT pg_get_userbyid(relowner) AS owner, (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM unnest(relacl) g) AS acl, obj_description(oid, 'pg_class') AS said FROM pg_class WHERE oid = '${name}'::regclass`),
      columns: await database.rows(`SELECT attname, attnotnull::text, attacl::text, col_description(attrelid, attnum) AS said FROM pg_attribute WHERE attrelid = '${name}'::regclass AND attnum > 0 ORDER BY 1`),
    });
    const [before, oid] = [await shape(), await oidOf(name)];
    await database.run(`INSERT INTO ${name}_src VALUES (3, 'c', NULL)`);
    expect((await place.run(yaml(name, full))).streams[0]).toMatchObject({ error: null, deleted: 2, totals: { loaded: 3 } });
    expect(await oidOf(name)).not.toBe(oid);
    expect(await shape()).toEqual(before);
  });

  test.each([
    ['view', 'CREATE VIEW @_hang AS SELECT * FROM @'],
    ['foreign_key', 'ALTER TABLE @ ADD PRIMARY KEY (id); CREATE TABLE @_hang (id int REFERENCES @ DEFERRABLE); INSERT INTO @_hang VALUES (1)'],
    ['trigger', "CREATE FUNCTION @_hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER hang AFTER DELETE ON @ EXECUTE FUNCTION @_hang()"],
    ['policy', 'CREATE POLICY hang ON @ USING (true)'],
    ['publication', 'CREATE PUBLICATION @_hang FOR TABLE @'],
    ['row_type', 'CREATE FUNCTION @_hang(@) RETURNS int LANGUAGE sql AS $$SELECT 1$$'],
  ])('with a %s on it the rows are changed, not the table; keep_previous is refused', async (what, sql) => {
    const name = `hung_${what}`;
    await source(name, `(1, 'a', NULL)`);
    await place.run(yaml(name, full));
    await database.run(sql.replaceAll('@', name));
    const oid = await oidOf(name);
    const kept = await place.run(yaml(name, `${full}, keep_previous: 1`));
    expect(kept.streams[0]!.error?.message).toContain('keep_previous keeps the old table by renaming it');
    await database.run(`INSERT INTO ${name}_src VALUES (2, 'b', NULL)`);
    expect((await place.run(yaml(name, full))).totals).toMatchObject({ loaded: 2 });
    expect(await oidOf(name)).toBe(oid);
  });
});

describe.each(['db', 'duck'])('rollback in %s', (connection) => {
  /** The destination as a command would open it. */
  async function at<Result>(text: string, run: RunRef, work: (destination: Destination, target: Parameters<Destination['rollback']>[0]) => Promise<Result>): Promise<Result> {
    const connector = connectorNamed(connection === 'db' ? 'postgres' : 'duckdb');
    const config = connector.configSchema.parse(connection === 'db' ? { url: database.url } : { path: 'replace.duckdb' });
    const destination = await connector.openDestination!(config, { engine, baseFolder: place.home, connection });
    try {
      return await work(destination, { run, stream: parsePipeline(text, 'test.yaml').streams[0]! });
    } finally {
      await destination.close();
    }
  }
  const control = { signal: new AbortController().signal, progress: () => undefined, reached: () => undefined };
  const rollback = (text: string, run: RunRef) => at(text, run, (destination, target) => destination.rollback(target, control));
  const answer = (text: string, run: RunRef) => at(text, run, (destination, target) => destination.canRollback!(target));
  const rows = async (name: string) => {
    const sql = `SELECT concat(id, v) AS row FROM ${name} ORDER BY 1`;
    const found = connection === 'db' ? await database.rows(sql) : await engine.file(path.join(place.home, 'replace.duckdb'), { readOnly: true }, control.signal, (session) => session.rows(sql));
    return found.map((row) => row['row']);
  };
  const named = (name: string) => `${name}_${connection}`;

  test('keep_previous keeps the table before until the next replace publishes; the newest replace can be taken back', async () => {
    const name = named('kept');
    const words = yaml(name, `${full}, keep_previous: 1`, connection);
    await source(name, `(1, 'a', NULL)`);
    await place.run(words);
    if (connection === 'db') await database.run(`ALTER TABLE ${name} ADD PRIMARY KEY (id); CREATE INDEX ${name}_v ON ${name} (v); COMMENT ON TABLE ${name} IS 'mine'`);
    const runs: RunRef[] = [];
    for (const value of ['b', 'c']) {
      await database.run(`UPDATE ${name}_src SET v = '${value}'`);
      const summary = await place.run(words);
      expect(summary.streams[0]!.error).toBeNull();
      runs.push(summary.run);
      expect(await rows(`_millrace_previous_${name}`)).toEqual([value === 'b' ? '1a' : '1b']);
    }
    expect(await answer(words, runs[0]!)).toMatchObject({ possible: false, reason: expect.stringContaining('a later run has published') as string });
    expect(await answer(words, runs[1]!)).toEqual({ possible: true, removes: 'replacement' });
    await rollback(words, runs[1]!);
    expect(await rows(name)).toEqual(['1b']);
    if (connection === 'db') {
      expect((await database.rows(`SELECT indexname FROM pg_indexes WHERE tablename = '${name}' ORDER BY 1`)).map((row) => row['indexname'])).toEqual([`${name}_pkey`, `${name}_v`]);
      expect(await database.row(`SELECT obj_description('${name}'::regclass) AS said, to_regclass('_millrace_previous_${name}')::text AS kept`)).toEqual({ said: 'mine', kept: null });
    }
    await expect(rollback(words, runs[0]!)).rejects.toThrow(/cannot|published|not there/);
    expect((await place.run(words)).totals).toMatchObject({ loaded: 1 });
    expect(await rows(name)).toEqual(['1c']);
  });

  test('a published append is taken back by batch id, and the next run reads its rows again', async () => {
    const name = named('taken');
    const words = yaml(name, 'mode: incremental, cursor: at, write: append, visible: run', connection);
    await source(name, `(1, 'a', '2026-01-01')`);
    await place.run(words);
    await database.run(`INSERT INTO ${name}_src VALUES (2, 'b', '2026-01-02')`);
    const { run } = await place.run(words);
    expect(await rows(name)).toEqual(['1a', '2b']);
    expect(await answer(words, run)).toEqual({ possible: true, removes: 'batches' });
    await rollback(words, run);
    expect(await rows(name)).toEqual(['1a']);
    expect((await place.run(words)).totals).toMatchObject({ read: 1, loaded: 1 });
    expect(await rows(name)).toEqual(['1a', '2b']);
  });

  test.each([['replace', full], ['merge', 'mode: full, write: merge, key: id'], ['delete_insert', 'mode: full, write: delete_insert, by: [id]'], ['scd2', 'mode: full, write: scd2, key: id']])('a published %s without a kept table is not taken back, with the reason', async (write, words) => {
    const name = named(`stays_${write}`);
    await source(name, `(1, 'a', NULL)`);
    const text = yaml(name, words, connection);
    const { run } = await place.run(text);
    expect(await answer(text, run)).toMatchObject({ possible: false });
    await expect(rollback(text, run)).rejects.toThrow('nothing was changed');
    expect(await rows(name)).toEqual(['1a']);
  });
});
