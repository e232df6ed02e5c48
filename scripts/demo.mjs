// `npm run demo`: sets everything up, runs the example pipelines, and keeps the environment up until Ctrl-C (or ends at once with --exit).
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createIssuesServer } from '../simulators/rest-issues/server.mjs';
import { createSalesforceServer } from '../simulators/salesforce/server.mjs';
import { build, installDependencies, root } from './setup.mjs';

const pipelines = ['movies', 'birdstrikes', 'customers', 'flights', 'airports-traffic', 'airports-traffic-parquet', 'access-logs', 'issues-api', 'crm-sales'];
const goodCodes = [0, 2];

installDependencies();
build();
// Not before: it needs what has just been installed.
const { changeShop, makeShop, startWarehouse } = await import('./demo-redshift.mjs');
const home = path.join(root, '.millrace');
// What it answers is made up; see simulators/.
async function addressOf(server) {
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}
const require = createRequire(import.meta.url);
const { lockHome } = require('../lib/dev/home-lock.js');
const { listenForEnding } = require('../lib/cli/ending.js');
const { endWithReader } = require('../lib/cli/closed-pipe.js');
endWithReader();
const ending = listenForEnding();
const refuse = (error) => {
  console.error(error.message);
  process.exit(1);
};
// Before anything starts: what another demo has up there is not ours to use, nor to stop.
await lockHome({ home, log: console.error }).then((lock) => lock.release(), refuse);
const warehouse = await startWarehouse(root);
Object.assign(process.env, { UV_THREADPOOL_SIZE: '16', MILLRACE_DEMO_ISSUES: await addressOf(createIssuesServer()), MILLRACE_DEMO_ISSUES_TOKEN: 'demo-token',
  MILLRACE_DEMO_SALESFORCE: await addressOf(createSalesforceServer()), MILLRACE_DEMO_SALESFORCE_SECRET: 'secret', ...warehouse?.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...process.env, MILLRACE_HOME: home });
const cli = path.join(root, 'bin/millrace.js');
const { startEnvironment } = require('../lib/dev/environment.js');

function run(name) {
  return new Promise((resolve) => {
    console.log(`\n── ${name} ──`);
    const child = spawn(process.execPath, [cli, 'run', path.join('pipelines', `${name}.yaml`)], { cwd: root, stdio: 'inherit' });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

console.log('starting Temporal, Postgres and a worker …');
const environment = await startEnvironment({ home, postgres: true, signal: ending.signal, log: (line) => console.error(line) }).catch(async (error) => {
  await warehouse?.stop();
  refuse(ending.signal.aborted ? new Error('stopped before it was up') : error);
});
const stays = !process.argv.includes('--exit');
let code = 0;
async function runAll(names) {
  for (const name of names) {
    if (ending.signal.aborted) return;
    const ended = await run(name);
    if (!goodCodes.includes(ended)) code ||= ended;
  }
}
await runAll(pipelines);
if (warehouse && !ending.signal.aborted) {
  console.log('\nFlights into a bucket, twice: the second run finds the file read and loads nothing.');
  await runAll(['flights-to-lake', 'flights-to-lake']);
  await warehouse.useWarehouse(environment.postgresUrl);
  await makeShop(environment.postgresUrl);
  await runAll(['crm-sales-to-redshift', 'shop-to-redshift']);
  console.log('\nA day in the shop: some orders are paid, 250 come in. The next run reads and merges just those.');
  await changeShop(environment.postgresUrl);
  await runAll(['shop-to-redshift']);
}
if (stays && !ending.signal.aborted) {
  const at = `MILLRACE_HOME='${home}'`;
  console.log(`
What to look at next
  Web UI     ${environment.uiUrl ?? environment.address}
  Postgres   psql ${environment.postgresUrl} -c 'SELECT * FROM movies LIMIT 5'
  State      ${at} npx millrace status
  Worker     process ${environment.workerPid()}: run a pipeline again, and "kill -9 ${environment.workerPid()}" meanwhile

Everything stays up until Ctrl-C. A pipeline again:  ${at} npx millrace run pipelines/flights.yaml`);
  await ending.begun;
}
console.log('stopping …');
await environment.stop();
await warehouse?.stop();
process.exit(code);
