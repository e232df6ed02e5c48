import type { Command } from 'commander';
import { readEnvironment, type Environment } from '../config/environment';
import type { ExitCode } from './exit-codes';
import { openTerminal, tellError, type Terminal } from './terminal';

/** What every command works with. */
export interface Surroundings {
  readonly environment: Environment;
  readonly terminal: Terminal;
}

/** One command's work: its arguments and flags as commander gives them; ends with the exit code. */
export type Work<Given extends readonly unknown[]> = (surroundings: Surroundings, ...given: Given) => Promise<ExitCode> | ExitCode;

/** Where a command registers itself: each file in cli/ exports one `AddCommand`, and client.ts lists them. */
export interface Door {
  /** A command with `--json` and an example; arguments, options and the action are the caller's. */
  command(name: string, summary: string, example: string): Command;
  /** A command that only holds others: `state show`, `state set`. */
  group(name: string, summary: string): Door;
  /** An action for commander: opens the terminal, tells what went wrong, keeps the exit code. */
  does<Given extends readonly unknown[]>(work: Work<Given>): (...given: [...Given, Command]) => Promise<void>;
}

export type AddCommand = (door: Door) => void;

/** `millrace`, `state`: what is typed before a command's name. */
const pathOf = (command: Command): readonly string[] => [...(command.parent ? pathOf(command.parent) : []), command.name()];

/** The door to `program`; `ended` hears the exit code of the command that ran. */
export function openDoor(program: Command, ended: (exitCode: ExitCode) => void): Door {
  return {
    command: (name, summary, example) =>
      program.command(name).description(summary).showHelpAfterError(`(see "${[...pathOf(program), name].join(' ')} --help")`).option('--json', 'one JSON object a line instead of text').addHelpText('after', `\nExample:\n  ${example}`),
    group: (name, summary) => openDoor(program.command(name).description(summary), ended),
    does: (work) => async (...given) => {
      const command = given.at(-1) as Command;
      const terminal = openTerminal({ json: command.opts<{ json?: boolean }>().json === true });
      try {
        ended(await work({ environment: readEnvironment(), terminal }, ...(given.slice(0, -1) as never)));
      } catch (error) {
        ended(tellError(terminal, error));
      }
    },
  };
}
