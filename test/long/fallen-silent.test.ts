import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

/** With a heartbeat timeout as in production there are moments after a kill in which nothing moves. */
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let restore: () => void;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  place = await install(connections(source, database), { variables: { MILLRACE_HEARTBEAT_TIMEOUT: '20s' } });
  restore = useInstallation(place);
});
afterAll(async () => {
  restore();
  await place.close();
  await source.drop();
  await database.drop();
});

test('after a kill, run, status and why say whose heartbeat is waited for, and for how long', async () => {
  const dying = await place.startWorker('load:before-commit#2');
  const gone = once(dying, 'exit');
  const file = path.join(place.home, 'silent.yaml');
  writeFileSync(file, pipelineOf('silent', 'db', 'mode: full\n    write: merge\n    key: [id]'));
  const running = promisify(execFile)(process.execPath, [path.resolve(__dirname, '../../bin/millrace.js'), 'run', file], { env: process.env });
  await gone;
  await place.startWorker();
  const waits = new RegExp(`orders/000\\d/(extract|transform|load)( and \\d others?)? waits? for the worker that went away \\(${dying.pid}@\\S+\\); its heartbeat runs out in at most \\d+ s`);
  await eventually(async () => waits.test((await millrace('why', 'silent')).out.replace(/\s+/g, ' ')), 'why says it');
  expect((await millrace('status', 'silent')).out.replace(/\s+/g, ' ')).toMatch(waits);
  expect(events(await millrace('status', 'silent', '--json'))).toMatchObject([{ running: [{ figures: { state: 'running', streams: [{ silent: { worker: expect.stringMatching(`^${dying.pid}@`) as string } }] } }] }]);
  const { stdout } = await running;
  expect(stdout.replace(/\s+/g, ' ').match(new RegExp(waits, 'g'))).toHaveLength(1);
  await expectExact(place, source, database, 'silent', 'db');
}, 120_000);

test('a run that the workers there cannot go on with is told apart from one without a worker', async () => {
  await place.startWorker();
  const broken = await place.client.workflow.start('runPipeline', { taskQueue: place.taskQueue, workflowId: 'broken/run-2026-01-01T00:00:00Z', args: [{}] });
  const told = /workers are there and cannot go on with it \(.+\): it may have been begun by another version of Millrace; start a worker of that version, or end the run with "millrace cancel broken\/run-2026-01-01T00:00:00Z --now"/;
  await eventually(async () => told.test((await millrace('why', broken.workflowId)).out.replace(/\s+/g, ' ')), 'why says it', 60);
  expect((await millrace('status', broken.workflowId)).out.replace(/\s+/g, ' ')).toMatch(told);
  expect((await millrace('cancel', broken.workflowId, '--now')).out).toMatch(/has ended: terminated/);
}, 120_000);
