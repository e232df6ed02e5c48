import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { filesFor } from '../../src/connectors/redshift/copy-files';
import { configSchema } from '../../src/connectors/redshift/config';
import { statementError } from '../../src/connectors/redshift/errors';
import { redshiftTypeOf } from '../../src/connectors/redshift/types';

const mib = 1024 * 1024;

test.each([
  ['nothing', 0, 8, 1], ['a few rows', 40_000, 8, 1], ['some megabytes', 5 * mib, 8, 5], ['as much as all slices read', 100 * mib, 8, 8], ['one file over', 513 * mib, 8, 16], ['many gigabytes', 10_240 * mib, 8, 160],
  ['a slice that is not told', 100 * mib, 1, 2],
])('a batch of %s is as many files as the slices read best', (_what, bytes, slices, files) => {
  expect(filesFor(bytes, slices)).toBe(files);
});

const config = configSchema.parse({ workgroup: 'analytics', database: 'dev', staging: { bucket: 'staging' } });
test.each([
  ['ERROR: 1023\n  DETAIL: Serializable isolation violation on table', 'retry', 'another transaction wrote at the same time'],
  ['ERROR: S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid X,CanRetry 1', 'retry', 'S3 did not answer the warehouse'],
  ['ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid X,CanRetry 0', 'hold', 's3:GetObject'],
  ['ERROR: S3ServiceException:The bucket you are attempting to access must be addressed using the specified endpoint.,Status 301,Error PermanentRedirect', 'hold', 'the staging bucket lies in another region'],
  ['ERROR: S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket', 'hold', 'correct "staging.bucket"'],
  ['ERROR: User arn:aws:redshift:eu-central-1:111122223333:dbuser:dev/millrace is not authorized to assume IAM Role arn:aws:iam::111122223333:role/other', 'hold', 'attached to the warehouse'],
  ['ERROR: permission denied for relation orders', 'hold', 'GRANT SELECT, INSERT, UPDATE, DELETE ON'],
  ['ERROR: must be owner of relation orders', 'hold', 'owner'],
  ['ERROR: Cannot insert a NULL value into column owner', 'hold', 'mend that'],
])('%s is told apart: %s', (said, disposition, words) => {
  const error = statementError(said, 'FAILED', config, 'loading batch "b"');
  expect([error.disposition, error.message]).toEqual([disposition, expect.stringContaining(words)]);
});

test.each([
  ['BOOLEAN', 'boolean'], ['TINYINT', 'smallint'], ['SMALLINT', 'smallint'], ['INTEGER', 'integer'], ['BIGINT', 'bigint'], ['HUGEINT', 'decimal(38,0)'], ['UTINYINT', 'smallint'], ['USMALLINT', 'integer'], ['UINTEGER', 'bigint'], ['UBIGINT', 'decimal(20,0)'], ['UHUGEINT', 'decimal(38,0)'],
  ['FLOAT', 'real'], ['DOUBLE', 'double precision'], ['DECIMAL(38,9)', 'decimal(38,9)'], ['DECIMAL(38,38)', null], ['VARCHAR', 'varchar(65535)'], ['BLOB', 'varbyte(1024000)'], ['BIT', 'varchar(65535)'], ['UUID', 'varchar(36)'], ['JSON', 'super'], ["ENUM('a', 'b')", 'varchar(65535)'],
  ['DATE', 'date'], ['TIME', 'time'], ['TIME WITH TIME ZONE', 'timetz'], ['TIMESTAMP', 'timestamp'], ['TIMESTAMP_S', 'timestamp'], ['TIMESTAMP_MS', 'timestamp'], ['TIMESTAMP_NS', null], ['TIMESTAMP WITH TIME ZONE', 'timestamptz'], ['INTERVAL', 'varchar(128)'],
  ['INTEGER[]', 'super'], ['INTEGER[3]', 'super'], ['STRUCT(a INTEGER)', 'super'], ['MAP(VARCHAR, INTEGER)', 'super'], ['UNION(n INTEGER, t VARCHAR)', 'super'],
])('%s of DuckDB is %s', (type, own) => {
  expect(redshiftTypeOf({ name: 'c', nullable: true, type })).toBe(own);
});

test.each([
  ['character varying(10)', 'varchar(40)'], ['character varying(20000)', 'varchar(65535)'], ['character(3)', 'varchar(12)'], ['json', 'super'], ['jsonb', 'super'], ['int4range', 'varchar(65535)'], ['inet', 'varchar(65535)'], ['xml', 'varchar(65535)'], ['money', 'varchar(65535)'],
])('%s of Postgres, which travels as text, is %s', (type, own) => {
  expect(redshiftTypeOf({ name: 'c', nullable: true, type: 'VARCHAR', sourceType: { system: 'postgres', type } })).toBe(own);
});

test.each([
  ['a workgroup by IAM', { workgroup: 'analytics' }, null], ['a cluster by IAM', { cluster: 'c1' }, null], ['a cluster by database user', { cluster: 'c1', db_user: 'loader' }, null], ['a secret', { workgroup: 'analytics', secret_arn: 'arn:aws:secretsmanager:eu-central-1:1:secret:s' }, null],
  ['neither', {}, /give either workgroup or cluster/], ['both', { workgroup: 'analytics', cluster: 'c1' }, /give either workgroup or cluster/], ['a workgroup with a user', { workgroup: 'analytics', db_user: 'loader' }, /a workgroup takes no db_user/],
  ['a user and a secret', { cluster: 'c1', db_user: 'loader', secret_arn: 'arn:x' }, /either db_user or secret_arn/], ['half a key', { cluster: 'c1', access_key_id: 'a' }, /both access_key_id and secret_access_key/], ['a distkey without its style', { cluster: 'c1', tables: { t: { diststyle: 'key' } } }, /"diststyle: key" goes with "distkey"/],
])('a connection says who it is: %s', (_what, words, problem) => {
  const { success, error } = configSchema.safeParse({ database: 'dev', staging: { bucket: 'staging' }, ...words });
  expect([success, error?.issues.map(({ message }) => message).join('; ') ?? null]).toEqual(problem === null ? [true, null] : [false, expect.stringMatching(problem)]);
});

test('the suite of a real Redshift runs nothing where a variable is missing, and says which', () => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_TEST_REDSHIFT_')));
  const { status, stderr } = spawnSync(process.execPath, [path.resolve(__dirname, '../../scripts/test-redshift.mjs')], { encoding: 'utf8', env: { ...env, MILLRACE_TEST_REDSHIFT_WORKGROUP: 'analytics', MILLRACE_TEST_REDSHIFT_DB_USER: 'somebody' } });
  expect(status).toBe(4);
  for (const said of ['nothing was run', 'BUCKET is not set', 'ROLE is not set', 'REGION is not set', 'DB_USER goes with MILLRACE_TEST_REDSHIFT_CLUSTER']) expect(stderr).toContain(said);
  expect(stderr).not.toContain('WORKGROUP is not set');
});
