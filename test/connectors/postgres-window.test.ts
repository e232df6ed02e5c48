import { parsePipeline } from '../../src/config/load-pipeline';
import { openPostgresSource } from '../../src/connectors/postgres/source';
import type { ConnectorContext, Source } from '../../src/connectors/connector';
import { quietControl } from '../support/files';
import { createDatabase, type TestDatabase } from '../support/postgres';

/** The upper bound of an incremental read never passes a value that can still be written (semantics 4). */
let database: TestDatabase;
let source: Source;
beforeAll(async () => {
  database = await createDatabase();
  source = await openPostgresSource(database.config, { connection: 'db' } as ConnectorContext);
});
afterAll(async () => {
  await source.close();
  await database.drop();
});

const upperOf = async (table: string, words: string): Promise<string | null> => {
  const [stream] = parsePipeline(`pipeline: p\nsource: s\ndestination: d\nstreams:\n  - { stream: ${table}, mode: incremental, settle: 30 seconds, write: merge, key: id, ${words} }\n`, 'test.yaml').streams;
  const plan = await source.plan({ stream: stream!, position: null, files: [], logicalDate: new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '') }, quietControl());
  return plan.window?.upper ?? null;
};

test('rows of the far future do not let it pass the hours to come where the cursor states no zone', async () => {
  await database.run(`CREATE TABLE stamped (id int, at timestamp); INSERT INTO stamped VALUES (1, '2026-01-01 10:00:00'), (2, 'infinity'), (3, localtimestamp + interval '1 year')`);
  expect(await upperOf('stamped', 'cursor: at')).toBe('2026-01-01 10:00:00.000001');
  await database.run('DELETE FROM stamped WHERE id = 1');
  expect(await upperOf('stamped', 'cursor: at')).toBeNull();
});

test('with a zone it is the clock there', async () => {
  await database.run(`CREATE TABLE zoned (id int, at timestamp); INSERT INTO zoned VALUES (1, '2026-01-01 10:00:00'), (2, 'infinity')`);
  const upper = (await upperOf('zoned', 'cursor: at, cursor_timezone: UTC'))!;
  const { passed, near } = await database.row(`SELECT ($1::timestamp > localtimestamp)::text AS passed, ($1::timestamp > localtimestamp - interval '1 hour')::text AS near`, [upper]);
  expect([passed, near]).toEqual(['false', 'true']);
});
