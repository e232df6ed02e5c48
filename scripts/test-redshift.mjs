// The conformance suite against a real Redshift, as the environment names it: `node scripts/test-redshift.mjs`. Everything it makes lies in schemas named
// millrace_test_… and below the same prefix of the bucket, and is removed at the end. It costs what a few minutes of the workgroup cost.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './setup.mjs';

const of = (name) => process.env[`MILLRACE_TEST_REDSHIFT_${name}`];
const needs = {
  WORKGROUP: 'name of a Redshift Serverless workgroup; or MILLRACE_TEST_REDSHIFT_CLUSTER, identifier of a provisioned cluster', DATABASE: 'database in which the user may create schemas', REGION: 'region of the warehouse',
  BUCKET: 'bucket in that region, which these credentials may read, write and list', ROLE: 'ARN of a role attached to the warehouse that may read and write the bucket; or "default"',
};
const missing = Object.entries(needs).filter(([name]) => !of(name) && !(name === 'WORKGROUP' && of('CLUSTER')));
const wrong = [
  ...missing.map(([name, what]) => `MILLRACE_TEST_REDSHIFT_${name} is not set: ${what}`),
  ...(of('WORKGROUP') && of('CLUSTER') ? ['MILLRACE_TEST_REDSHIFT_WORKGROUP and MILLRACE_TEST_REDSHIFT_CLUSTER are both set: give one'] : []),
  ...(of('DB_USER') && !of('CLUSTER') ? ['MILLRACE_TEST_REDSHIFT_DB_USER goes with MILLRACE_TEST_REDSHIFT_CLUSTER: the user of a workgroup follows from the AWS credentials'] : []),
];
if (wrong.length > 0) {
  console.error(`testing against a real Redshift: nothing was run\n${wrong.map((line) => `  ${line}`).join('\n')}\nAWS credentials come from the ordinary chain (AWS_PROFILE, …); docs/redshift.md lists the permissions`);
  process.exit(4);
}
const run = (names, more) => {
  const files = names.map((name) => `test/connectors/${name}.test.ts`);
  return spawnSync(process.execPath, [path.join(root, 'scripts/test.mjs'), ...files, '--maxWorkers', '1', ...more, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root }).status ?? 1;
};
// Suites of several systems: of those, what concerns Redshift.
const statuses = [run(['redshift'], []), run(['writes', 'hard-values', 'source-conformance'], ['-t', 'redshift|Redshift|into rs'])];
process.exit(Math.max(...statuses));
