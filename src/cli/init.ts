import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError } from '../domain/errors';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { firstProject } from './first-project';
import type { Terminal } from './terminal';

/** `init [DIR]`: a project that runs as it is. Overwrites nothing. */
export async function init(folder: string, terminal: Terminal): Promise<ExitCode> {
  const files = Object.entries(firstProject()).map(([name, text]) => ({ name, text, file: path.join(folder, name) }));
  const there = files.filter(({ file }) => existsSync(file)).map(({ name }) => name);
  if (there.length > 0) throw new ConfigurationError(`writing a first project to "${folder}": ${there.join(', ')} would be overwritten; choose another folder`, { folder });
  for (const { file, text } of files) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  }
  const next = `${folder === '.' ? '' : `cd ${folder} && `}millrace run orders.yaml`;
  terminal.event('written', { folder: path.resolve(folder), files: files.map(({ name }) => name), next });
  terminal.say(`wrote ${files.map(({ name }) => name).join(', ')}\nrun it with: ${next}`);
  return exitCodes.success;
}

export const addInit: AddCommand = ({ command, does }) => command('init', 'Write a first project that needs no database', 'millrace init shop && cd shop && millrace run orders.yaml')
  .argument('[dir]', 'folder to write to', '.')
  .action(does(({ terminal }, folder: string) => init(folder, terminal)));
