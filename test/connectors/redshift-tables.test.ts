import { createDatabase, type TestDatabase } from '../support/postgres';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';
import { install, type Installation } from '../support/worker';
import { redshift } from '../../src/connectors/redshift';
import type { CheckResult } from '../../src/connectors/connector';

/** How tables are made, whose they are, and what `check` finds out: on the simulator, as a database user with grants of its own. */
let database: TestDatabase;
let warehouse: SimulatedWarehouse;
let place: Installation;
let role: string;
const connectionWith = (more: object): Record<string, unknown> => ({ ...JSON.parse(warehouse.connection) as Record<string, unknown>, ...more });
const asUser = (more: object = {}): Record<string, unknown> => {
  const { workgroup, ...rest } = connectionWith(more);
  return { ...rest, cluster: workgroup, db_user: role };
};
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), startWarehouse()]);
  role = `limited_${warehouse.prefix}`;
  await warehouse.database.run(`CREATE ROLE ${role}; GRANT CREATE, USAGE ON SCHEMA public TO ${role}; CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
  const tables = { keyed: { distkey: 'branch', sortkey: ['at', 'id'] }, spread: { diststyle: 'even' }, wrong: { distkey: 'nothing' } };
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nrs: ${JSON.stringify(connectionWith({ tables }))}\nlimited: ${JSON.stringify(asUser({ schema: role }))}\nguest: ${JSON.stringify(asUser())}\n`);
  await place.startWorker();
  await database.run("CREATE TABLE stock (id int, branch int, at date); INSERT INTO stock VALUES (1, 7, '2026-01-01'), (2, NULL, NULL)");
});
afterAll(async () => {
  await place.close();
  await warehouse.database.run(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await warehouse.close();
  await database.drop();
});

const yaml = (to: string, destination = 'rs', words = 'mode: full, write: append, snapshot: true') => `pipeline: ${to.replace('.', '_')}_${destination}_${warehouse.prefix}\nsource: db\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: stock, to: ${to}, ${words} }\n`;
const refused = async (to: string, destination?: string, words?: string): Promise<string> => (await place.run(yaml(to, destination, words))).streams[0]!.error!.message;

test('a table is made with the keys of its storage that the connection names; a key that is no column is refused', async () => {
  for (const to of ['keyed', 'spread']) expect(await place.run(yaml(to))).toMatchObject({ state: 'succeeded', totals: { loaded: 2 } });
  const made = (await warehouse.statements()).flatMap(({ sqls }) => sqls).filter((sql) => /CREATE TABLE IF NOT EXISTS "public"\."(keyed|spread)"/.test(sql));
  expect(made.map((sql) => /\) (DISTSTYLE.*)$/.exec(sql)?.[1]).sort()).toEqual(['DISTSTYLE EVEN', 'DISTSTYLE KEY DISTKEY ("branch") SORTKEY ("at", "id")']);
  expect(await refused('wrong')).toMatch(/"nothing" is to be a key of its storage, and is no column that can be one; correct "tables"/);
});

test('lists, structs and JSON arrive as SUPER, by CSV and with nothing lost', async () => {
  const steps = `steps: [{ sql: { query: "SELECT id, [branch, 2] AS list, {'a': branch, 'b': 'x, \\"y\\"'} AS struct, CAST('{\\"k\\": [1, null]}' AS JSON) AS doc FROM input" } }]`;
  expect(await place.run(yaml('nested', 'rs', `mode: full, write: append, snapshot: true, ${steps}`))).toMatchObject({ state: 'succeeded', totals: { loaded: 2 } });
  expect(await warehouse.database.rows("SELECT pg_typeof(list)::text AS type, list::text, struct::text, doc::text FROM nested ORDER BY id LIMIT 1")).toEqual([{ type: 'redshift_sim.super', list: '[7, 2]', struct: '{"a": 7, "b": "x, \\"y\\""}', doc: '{"k": [1, null]}' }]);
});

test('a table that belongs to somebody else is written with grants; what is missing is said before anything is read, with the statement that gives it', async () => {
  await warehouse.run('CREATE TABLE theirs (id int, branch int)');
  expect(await refused('public.theirs', 'limited')).toMatch(new RegExp(`a table of that name is there and belongs to "\\w+", and database user "${role}" may not use it: GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."theirs" TO "${role}"`));
  await warehouse.database.run(`GRANT SELECT, INSERT ON theirs TO ${role}`);
  expect(await refused('public.theirs', 'limited')).toMatch(/may not UPDATE, DELETE: GRANT UPDATE, DELETE ON "public"."theirs"/);
  await warehouse.database.run(`GRANT UPDATE, DELETE ON theirs TO ${role}`);
  expect(await refused('public.theirs', 'limited')).toMatch(/it belongs to "\w+", who alone can change it; let them run: ALTER TABLE "public"."theirs" ADD COLUMN "at" date; ALTER TABLE "public"."theirs" ADD COLUMN _millrace_batch_id BIGINT/);
  await warehouse.run('ALTER TABLE theirs ADD COLUMN at date; ALTER TABLE theirs ADD COLUMN _millrace_batch_id bigint');
  expect(await place.run(yaml('public.theirs', 'limited'))).toMatchObject({ state: 'succeeded', totals: { loaded: 2 } });
});

test('system tables that the database user may not use are told, with what to do', async () => {
  expect(await refused('mine', 'guest')).toMatch(/its tables _millrace_… are there, and this database user may not use them: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public"/);
});

async function check(connection: Record<string, unknown>, side: 'openSource' | 'openDestination' = 'openDestination'): Promise<CheckResult> {
  const { connector: _connector, ...config } = connection;
  const opened = await redshift[side]!(redshift.configSchema.parse(config), { engine: undefined as never, baseFolder: '.', connection: 'rs' });
  return opened.check().finally(() => opened.close());
}

test('check tries the role on the bucket, from both ends, and leaves nothing there', async () => {
  expect(await check(connectionWith({}))).toMatchObject({ ok: true, messages: [expect.stringContaining('answers at'), expect.stringContaining('files go through s3://'), expect.stringContaining('COPY may read it as the default role'), expect.stringContaining('may make tables in schema "public"')] });
  expect(await check(connectionWith({}), 'openSource')).toMatchObject({ ok: true, messages: [expect.anything(), expect.anything(), expect.stringContaining('UNLOAD may write to it')] });
});

test.each<[string, () => Record<string, unknown>, RegExp]>([
  ['a role that is not attached', () => connectionWith({ iam_role: 'arn:aws:iam::111122223333:role/other' }), /not authorized to assume IAM Role arn:aws:iam::111122223333:role\/other; "iam_role" arn:aws:iam::111122223333:role\/other must be attached to the warehouse and be granted s3:GetObject .* on arn:aws:s3:::redshift-tests\/\S+\* and s3:ListBucket on arn:aws:s3:::redshift-tests/],
  ['a bucket that is not there', () => connectionWith({ staging: { ...connectionWith({})['staging'] as object, bucket: 'no-such-bucket' } }), /no-such-bucket/],
  ['keys of nobody', () => connectionWith({ access_key_id: 'nobody', secret_access_key: 'nothing' }), /correct the credentials of the connection/],
  ['a bucket in another region', () => connectionWith({ region: 'us-east-1', staging: { ...connectionWith({})['staging'] as object, region: 'eu-west-1' } }), /lies in eu-west-1, the warehouse in us-east-1/],
  ['a workgroup that is not there', () => connectionWith({ workgroup: 'nowhere' }), /endpoint doesn't exist in this region.: nowhere/],
  ['a database user that is not there', () => ({ ...asUser(), db_user: 'nobody_at_all' }), /user "nobody_at_all" does not exist/],
  ['a schema that may not be made', () => asUser({ schema: 'elsewhere' }), /may not make schema "elsewhere": GRANT CREATE ON DATABASE dev TO "limited_\w+"/],
])('check says what is wrong with %s', async (_what, connection, said) => {
  const { ok, messages } = await check(connection());
  expect([ok, messages.join('\n')]).toEqual([false, expect.stringMatching(said)]);
});
