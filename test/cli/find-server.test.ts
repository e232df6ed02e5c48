import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findServer, serverForRun } from '../../src/cli/connect';
import { openTerminal } from '../../src/cli/terminal';
import { readEnvironment } from '../../src/config/environment';
import { findEnvironment, forgetNote, writeNote } from '../../src/dev/environment-note';
import { HomeTakenError, lockHome, lockUsers } from '../../src/dev/home-lock';
import { thisProcess } from '../../src/dev/living';
import { eventually, temporalAddress } from '../support/temporal';

let folder = '';
let said = '';
const terminal = openTerminal({ json: false, stdout: { write: (text: string | Uint8Array) => { said += String(text); return true; } } });
const up = () => ({ address: temporalAddress(), namespace: 'default', uiUrl: null, postgresUrl: null, lasting: true });
const before = { ...process.env };
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'find server '));
  said = '';
  process.env = { ...before, TEMPORAL_CONFIG_FILE: '/nowhere.toml' };
  delete process.env['TEMPORAL_ADDRESS'];
  delete process.env['MILLRACE_HOME'];
});
afterEach(() => {
  process.env = before;
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that holds the home as a `millrace dev` does; told so, it says that its server is up. `heir`: with a server that has the lock too. */
async function startHolder(home: string, { heir = false } = {}): Promise<ChildProcess> {
  const lib = path.resolve(__dirname, '../../lib/dev');
  const child = spawn(process.execPath, ['-e', `
    const { lockHome } = require('${lib}/home-lock.js');
    const { writeNote } = require('${lib}/environment-note.js');
    lockHome({ home: ${JSON.stringify(home)}, log() {} }).then((lock) => {
      const server = ${heir} && require('child_process').spawn('sleep', ['2'], { stdio: ['ignore', 'ignore', 'ignore', lock.file], detached: true });
      process.stdin.once('data', () => writeNote(${JSON.stringify(home)}, ${JSON.stringify(up())}));
      console.log('locked');
    });`], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

it('a run that begins while dev starts waits for it, and uses its server', async () => {
  const home = path.join(folder, 'home');
  const dev = await startHolder(home);
  const server = serverForRun({ ...readEnvironment(), home }, terminal);
  await eventually(async () => said.includes(`process ${dev.pid} starts or stops a server there; waiting for it`), 'the run to wait');
  expect(said).toContain(`no server in ${home}; starting one for this run`);
  dev.stdin!.write('up\n');
  const { address, own, close } = await server;
  await close();
  expect([address, own]).toEqual([temporalAddress(), false]);
}, 60_000);

it('a run in another folder uses the dev that is up where its connections lie, and says so', async () => {
  const home = path.join(folder, 'project/.millrace');
  mkdirSync(home, { recursive: true });
  writeNote(home, up());
  const environment = { ...readEnvironment(), home: path.join(folder, 'elsewhere/.millrace') };
  const server = await serverForRun(environment, terminal, path.join(folder, 'project/pipelines/connections.yaml'));
  await server.close();
  expect([server.address, server.own]).toEqual([temporalAddress(), false]);
  expect(said).toContain(`using the server of ${home}`);
  expect(existsSync(environment.home)).toBe(false);
});

it('a server that is there for one run stays until other commands that use it are done', async () => {
  writeNote(folder, { ...up(), lasting: false });
  const server = (await findServer({ ...readEnvironment(), home: folder }))!;
  expect(server.own).toBe(true);
  expect(lockUsers(folder, 'exclusive')).toBeNull();
  await server.close();
  const alone = lockUsers(folder, 'exclusive')!;
  expect(await findServer({ ...readEnvironment(), home: folder })).toBeNull();
  alone.release();
});

it('a home that is named is the only one that counts', async () => {
  const home = path.join(folder, '.millrace');
  mkdirSync(home);
  writeNote(home, up());
  process.env['MILLRACE_HOME'] = path.join(folder, 'named');
  const dev = await startHolder(process.env['MILLRACE_HOME']);
  const server = serverForRun(readEnvironment(), terminal, path.join(folder, 'connections.yaml'));
  await eventually(async () => said.includes('waiting for it'), 'the run to wait');
  expect(said).not.toContain('using the server of');
  dev.stdin!.write('up\n');
  await (await server).close();
});

it('a home has one holder, and is free when the holder was killed', async () => {
  const dev = await startHolder(folder);
  await expect(lockHome({ home: folder, log: () => undefined })).rejects.toThrow(HomeTakenError);
  await killed(dev);
  (await lockHome({ home: folder, log: () => undefined })).release();
});

it('a home is not free while a server of a killed holder still runs', async () => {
  await killed(await startHolder(folder, { heir: true }));
  const heard: string[] = [];
  (await lockHome({ home: folder, log: (line) => heard.push(line) })).release();
  expect(heard).toEqual([expect.stringContaining('servers of an ended process still run')]);
});

it('the note of an environment is forgotten by the process it names, and counts while that very process lives', () => {
  const note = (name: object) => writeFileSync(path.join(folder, 'dev.json'), JSON.stringify({ ...up(), ...name }));
  note({ pid: process.ppid, began: null });
  forgetNote(folder);
  expect(findEnvironment(folder)).not.toBeNull();
  note({ ...thisProcess(), began: '1' });
  expect(findEnvironment(folder)).toBeNull();
  writeNote(folder, up());
  expect(findEnvironment(folder)).toMatchObject({ address: temporalAddress() });
  forgetNote(folder);
  expect(existsSync(path.join(folder, 'dev.json'))).toBe(false);
});
