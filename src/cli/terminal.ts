import pc from 'picocolors';
import { EtlError } from '../domain/errors';
import { exitCodeOfError, type ExitCode } from './exit-codes';
import { isAway } from './server-away';
import { wrapped } from './wrapped';

/** Where a command speaks. With `json`, standard output carries one JSON object a line and nothing else. */
export interface Terminal {
  readonly json: boolean;
  /** Whether lines may be drawn over. */
  readonly live: boolean;
  /** For people; silent with `json`. */
  say(text: string): void;
  /** For programs; silent without `json`. */
  event(name: string, facts: Readonly<Record<string, unknown>>): void;
  /** To standard error, in both. */
  warn(text: string): void;
}

export interface TerminalOptions {
  readonly json: boolean;
  readonly stdout?: Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean };
  readonly stderr?: Pick<NodeJS.WriteStream, 'write'>;
}

export function openTerminal({ json, stdout = process.stdout, stderr = process.stderr }: TerminalOptions): Terminal {
  return {
    json,
    live: !json && stdout.isTTY === true,
    say: (text) => { if (!json) stdout.write(`${text}\n`); },
    event: (event, facts) => { if (json) stdout.write(`${JSON.stringify({ event, ...facts })}\n`); },
    warn: (text) => { stderr.write(`${text}\n`); },
  };
}

/** Says what went wrong, once, in the form that was asked for; the exit code follows the error's area. */
export function tellError(terminal: Terminal, error: unknown): ExitCode {
  const exitCode = exitCodeOfError(error);
  const said = error instanceof Error ? error.message : String(error);
  const message = !EtlError.is(error) && isAway(error) ? `asking Temporal: its server does not answer any more (${said}); runs stand still until it does: say the command again then` : said;
  terminal.event('error', { message, exitCode, ...(EtlError.is(error) ? { name: error.name, area: error.area } : {}), ...problemsOf(error) });
  if (!terminal.json) terminal.warn(onScreen(`${pc.red('error:')} ${message}`));
  return exitCode;
}

/** Broken at spaces on a screen; a pipe gets each line whole. */
const onScreen = (text: string): string => (process.stderr.isTTY ? text.split('\n').map((line) => wrapped(line)).join('\n') : text);

const problemsOf = (error: unknown): { readonly problems?: unknown } =>
  typeof error === 'object' && error !== null && 'problems' in error ? { problems: error.problems } : {};
