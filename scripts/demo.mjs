// `npm run demo`: sets everything up, runs the example pipelines, and keeps the environment up until Ctrl-C (or ends at once with --exit).
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createIssuesServer } from '../simulators/rest-issues/server.mjs';
import { createSalesforceServer } from '../simulators/salesforce/server.mjs';
import { changeShop, makeShop, startWarehouse } from './demo-redshift.mjs';
import { build, installDependencies, root } from './setup.mjs';

const pipelines = ['movies', 'birdstrikes', 'customers', 'flights', 'airports-traffic', 'airports-traffic-parquet', 'access-logs', 'issues-api', 'crm-sales'];
const goodCodes = [0, 2];

installDependencies();
build();
const home = path.join(root, '.millrace');
// What it answers is made up; see simulators/.
async function addressOf(server) {
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}
const warehouse = await startWarehouse(root);
const env = { UV_THREADPOOL_SIZE: '16', MILLRACE_DEMO_ISSUES: await addressOf(createIssuesServer()), MILLRACE_DEMO_ISSUES_TOKEN: 'demo-token',
  MILLRACE_DEMO_SALESFORCE: await addressOf(createSalesforceServer()), MILLRACE_DEMO_SALESFORCE_SECRET: 'secret', ...warehouse?.env, ...process.env, MILLRACE_HOME: home };
const cli = path.join(root, 'bin/millrace.js');

/** The environment in a process of its own, ready when it says so. */
function startEnvironment() {
  const child = spawn(process.execPath, [cli, 'dev', '--postgres', '--json'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const line = text.split('\n').find((part) => part.includes('"ready":true'));
      if (line) resolve({ child, ...JSON.parse(line) });
    });
    child.once('exit', (code) => reject(new Error(`the environment ended with code ${code} while it started`)));
  });
}

function run(name) {
  return new Promise((resolve) => {
    console.log(`\n── ${name} ──`);
    const child = spawn(process.execPath, [cli, 'run', path.join('pipelines', `${name}.yaml`)], { cwd: root, env, stdio: 'inherit' });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const stop = (child) => new Promise((resolve) => {
  if (child.exitCode !== null || child.signalCode !== null) return resolve();
  stopping = true;
  child.removeAllListeners('exit');
  child.once('exit', resolve);
  child.kill('SIGTERM');
});

console.log('starting Temporal, Postgres and a worker …');
const environment = await startEnvironment().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
let code = 0;
let stopping = false;
environment.child.removeAllListeners('exit');
environment.child.once('exit', (ended) => {
  if (stopping) return;
  console.error(`the environment ended by itself (code ${ended}); see ${path.join(home, 'worker.log')}`);
  process.exit(1);
});
async function runAll(names) {
  for (const name of names) {
    const ended = await run(name);
    if (!goodCodes.includes(ended)) code ||= ended;
  }
}
await runAll(pipelines);
if (warehouse) {
  await warehouse.useWarehouse(environment.postgresUrl);
  await makeShop(environment.postgresUrl);
  await runAll(['shop-to-redshift']);
  console.log('\nA day in the shop: some orders are paid, 250 come in. The next run reads and merges just those.');
  await changeShop(environment.postgresUrl);
  await runAll(['shop-to-redshift']);
}
console.log(`
What to look at next
  Web UI     ${environment.uiUrl ?? environment.address}
  Postgres   psql ${environment.postgresUrl} -c 'SELECT * FROM movies LIMIT 5'
  State      MILLRACE_HOME=${JSON.stringify(home)} npx millrace status
`);
if (process.argv.includes('--exit')) {
  await stop(environment.child);
  await warehouse?.stop();
  process.exit(code);
}
console.log('Everything stays up until Ctrl-C. Try it: run a pipeline again, kill the worker while it runs.');
const end = async () => {
  await stop(environment.child);
  await warehouse?.stop();
  process.exit(code);
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
