import { Argument } from 'commander';
import { checkWords, connectorWords, formatWords, stepWords } from '../config/vocabulary';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';
import { wrapped } from './wrapped';

export const listKinds = ['connectors', 'formats', 'steps', 'checks'] as const;
export type ListKind = (typeof listKinds)[number];

interface Entry {
  readonly name: string;
  readonly summary: string;
}

const entriesOf = (kind: ListKind): readonly Entry[] => {
  switch (kind) {
    case 'connectors': return connectorWords.map(({ name, summary, openSource, openDestination }) => ({
      name, summary: `${summary} (${[...(openSource ? ['source'] : []), ...(openDestination ? ['destination'] : [])].join(', ')})`,
    }));
    case 'formats': return formatWords;
    case 'steps': return stepWords;
    case 'checks': return checkWords;
  }
};

/** `list KIND`: straight from the registries, so that it cannot promise what is not there. */
export function list(kind: ListKind, terminal: Terminal): ExitCode {
  const entries = entriesOf(kind).map(({ name, summary }) => ({ name, summary }));
  terminal.event('list', { kind, entries });
  const width = Math.max(...entries.map(({ name }) => name.length), 0);
  for (const { name, summary } of entries) terminal.say(wrapped(summary, `${name.padEnd(width)}  `));
  return exitCodes.success;
}

export const addList: AddCommand = ({ command, does }) => command('list', 'List what pipelines can be made of', 'millrace list steps')
  .addArgument(new Argument('<kind>', 'what to list').choices(listKinds))
  .action(does(({ terminal }, kind: ListKind) => list(kind, terminal)));
