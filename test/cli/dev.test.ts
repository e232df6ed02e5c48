import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive } from '../../src/dev/process';
import { eventually, temporalAddress } from '../support/temporal';

test('dev stays up, starts a killed worker again, and leaves nothing behind', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'dev home '));
  const dev = spawn(process.execPath, [path.resolve(__dirname, '../../bin/millrace.js'), 'dev', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TEMPORAL_ADDRESS: temporalAddress(), MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: path.basename(home) },
  });
  const ended = once(dev, 'exit');
  const workers = (): readonly number[] => [...readFileSync(path.join(home, 'worker.log'), 'utf8').matchAll(/"ready":true,"pid":(\d+)/g)].map(([, pid]) => Number(pid));
  try {
    let said = '';
    dev.stdout.on('data', (chunk) => { said += chunk; });
    await eventually(async () => said.includes('"ready":true'), 'dev to be ready', 60);
    process.kill(workers()[0]!, 'SIGKILL');
    await eventually(async () => workers().length === 2, 'the next worker', 60);
    expect(dev.exitCode).toBeNull();
    dev.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(isAlive(workers()[1]!)).toBe(false);
  } finally {
    dev.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  }
}, 180_000);
