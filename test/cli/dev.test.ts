import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive } from '../../src/dev/process';
import { toolFolders } from '../../src/dev/python-tools';
import { processesWith } from '../support/processes';
import { eventually, temporalAddress } from '../support/temporal';

interface Dev {
  readonly home: string;
  readonly launcher: ChildProcess;
  /** Of the launcher: code and signal. */
  readonly ended: Promise<readonly unknown[]>;
  said(): string;
  complained(): string;
}

const homes: string[] = [];
const homeOfTest = (): string => homes[homes.push(mkdtempSync(path.join(tmpdir(), 'dev home '))) - 1]!;

/** On the test's own Temporal server, so that a worker is all it starts. */
function startDev(home: string): Dev {
  const launcher = spawn(process.execPath, [path.resolve(__dirname, '../../bin/millrace.js'), 'dev', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TEMPORAL_ADDRESS: temporalAddress(), MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: path.basename(home) },
  });
  let said = '';
  let complained = '';
  launcher.stdout.on('data', (chunk) => { said += chunk; });
  launcher.stderr.on('data', (chunk) => { complained += chunk; });
  return { home, launcher, ended: once(launcher, 'exit'), said: () => said, complained: () => complained };
}

async function startedDev(): Promise<Dev> {
  const dev = startDev(homeOfTest());
  await eventually(async () => dev.said().includes('"ready":true'), 'dev to be ready', 60);
  return dev;
}

const left = (home: string): readonly number[] => processesWith('MILLRACE_HOME', home);
const nothingLeft = ({ home }: Dev) => eventually(async () => left(home).length === 0, 'every process to end', 60);
const noted = (home: string): boolean => existsSync(path.join(home, 'dev.json'));
const workers = (home: string): readonly number[] => [...readFileSync(path.join(home, 'worker.log'), 'utf8').matchAll(/"ready":true,"pid":(\d+)/g)].map(([, pid]) => Number(pid));
const devItself = ({ launcher }: Dev): number => Number(readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8').trim());

afterEach(async () => {
  for (const home of homes.splice(0)) {
    for (const pid of left(home)) process.kill(pid, 'SIGKILL');
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
});

test('dev stays up, starts a killed worker again, refuses a second dev, and leaves nothing behind however often it is told to end', async () => {
  const dev = await startedDev();
  const [first] = workers(dev.home);
  expect(JSON.parse(dev.said())).toMatchObject({ workerPid: first });
  process.kill(first!, 'SIGKILL');
  await eventually(async () => workers(dev.home).length === 2, 'the next worker', 60);
  expect(dev.launcher.exitCode).toBeNull();

  const second = startDev(dev.home);
  expect(await second.ended).toEqual([1, null]);
  expect(second.complained()).toContain(`an environment is up on ${dev.home} already`);
  expect(second.complained()).toContain(`kill ${devItself(dev)}`);
  expect(noted(dev.home)).toBe(true);

  dev.launcher.kill('SIGTERM');
  await eventually(async () => dev.complained().includes('stopping …'), 'the ending to begin');
  dev.launcher.kill('SIGTERM');
  expect(await dev.ended).toEqual([0, null]);
  expect(isAlive(workers(dev.home)[1]!)).toBe(false);
  expect(noted(dev.home)).toBe(false);
  expect(left(dev.home)).toEqual([]);
}, 180_000);

test('a dev that is told to end while it starts ends what it has started', async () => {
  const dev = startDev(homeOfTest());
  await eventually(async () => left(dev.home).length >= 3, 'the launcher, dev and the worker', 60);
  dev.launcher.kill('SIGTERM');
  await dev.ended;
  expect(left(dev.home)).toEqual([]);
  expect(noted(dev.home)).toBe(false);
}, 120_000);

test('nothing outlives a dev that was killed, nor one whose launcher was', async () => {
  const [dev, launched] = await Promise.all([startedDev(), startedDev()]);
  process.kill(devItself(dev), 'SIGKILL');
  launched.launcher.kill('SIGKILL');
  await nothingLeft(dev);
  await nothingLeft(launched);
  expect(noted(launched.home)).toBe(false);
}, 180_000);

test('a dev that nobody reads any more ends with its worker, and says nothing of it', async () => {
  const dev = await startedDev();
  dev.launcher.stdout!.destroy();
  dev.launcher.stderr!.destroy();
  process.kill(workers(dev.home)[0]!, 'SIGKILL');
  expect(await dev.ended).toEqual([0, null]);
  await nothingLeft(dev);
  expect(noted(dev.home)).toBe(false);
}, 120_000);

test('a command whose reader has gone ends quietly', async () => {
  const command = spawn(process.execPath, [path.resolve(__dirname, '../../bin/millrace.js'), 'list', 'steps'], { stdio: ['ignore', 'pipe', 'pipe'] });
  command.stdout.destroy();
  let complained = '';
  command.stderr.on('data', (chunk) => { complained += chunk; });
  expect(await once(command, 'close')).toEqual([141, null]);
  expect(complained).toBe('');
}, 60_000);

test('where the account has no home, programs are installed beside the data and nowhere else', () => {
  const data = homeOfTest();
  const before = process.env;
  process.env = { PATH: before['PATH'], HOME: '' };
  try {
    expect(toolFolders(data, '')).toEqual([data]);
  } finally {
    process.env = before;
  }
});
