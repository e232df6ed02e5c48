import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lives, thisProcess, type ProcessName } from './living';

export interface FoundEnvironment {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | null;
  readonly postgresUrl: string | null;
  /** False: it ends with the `run` that started it. */
  readonly lasting: boolean;
}

/** With the process that keeps it up. */
interface Note extends FoundEnvironment, ProcessName {}

const fileOf = (home: string): string => path.join(home, 'dev.json');

function readNote(home: string): Note | null {
  try {
    return JSON.parse(readFileSync(fileOf(home), 'utf8')) as Note;
  } catch {
    return null;
  }
}

/** The environment that a living `millrace dev`, demo or `run` keeps up on this home. */
export function findEnvironment(home: string): FoundEnvironment | null {
  const note = readNote(home);
  return note && lives(note) ? note : null;
}

/** The nearest home with an environment that is up: `.millrace` in the folder or in one above it. */
export function homeAbove(folder: string): string | null {
  const home = path.join(folder, '.millrace');
  if (findEnvironment(home)) return home;
  const above = path.dirname(folder);
  return above === folder ? null : homeAbove(above);
}

export function writeNote(home: string, found: FoundEnvironment): void {
  const draft = `${fileOf(home)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ ...found, ...thisProcess() }), { mode: 0o600 });
  renameSync(draft, fileOf(home));
}

/** Only what this process wrote. */
export function forgetNote(home: string): void {
  if (readNote(home)?.pid === process.pid) rmSync(fileOf(home), { force: true });
}

/** For who has the home: of a process that was killed. */
export const clearNote = (home: string): void => rmSync(fileOf(home), { force: true });
