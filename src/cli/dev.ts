import { readEnvironment } from '../config/environment';
import type { AddCommand } from './door';
import { listenForEnding } from './ending';
import { exitCodes, type ExitCode } from './exit-codes';
import { HomeTakenError, findEnvironment, startEnvironment, type StartedEnvironment } from './development';

interface DevOptions {
  readonly postgres: boolean;
  readonly json: boolean;
}

const say = (line: string) => { process.stderr.write(`${line}\n`); };

/** Keeps Temporal, a worker and, if asked, a Postgres up until Ctrl-C. */
export async function runDev(options: DevOptions): Promise<ExitCode> {
  const { home } = readEnvironment();
  const ending = listenForEnding();
  try {
    const environment = await startEnvironment({ home, postgres: options.postgres, signal: ending.signal, log: say });
    tellReady(environment, home, options);
    await ending.begun;
    say('stopping …');
    await environment.stop();
    return exitCodes.success;
  } catch (error) {
    if (error instanceof HomeTakenError) return tellTaken(error);
    if (!ending.signal.aborted) throw error;
    say('stopped before it was up');
    return exitCodes.other;
  } finally {
    ending.forget();
  }
}

function tellTaken({ home, pid }: HomeTakenError): ExitCode {
  const found = findEnvironment(home);
  say(`${found ? `an environment is up on ${home} already: Temporal at ${found.address}` : `an environment is starting or stopping on ${home}`} (process ${pid}); use that one, or end it first: Ctrl-C, or "kill ${pid}"`);
  return exitCodes.other;
}

function tellReady({ address, uiUrl, postgresUrl, workerPid }: StartedEnvironment, home: string, { json }: DevOptions): void {
  if (json) process.stdout.write(`${JSON.stringify({ ready: true, address, uiUrl, postgresUrl, home, workerPid: workerPid() })}\n`);
  else process.stdout.write([
    `Temporal   ${address}`, `Web UI     ${uiUrl ?? 'of your server'}`, ...(postgresUrl ? [`Postgres   ${postgresUrl}`] : []), `worker     process ${workerPid()}`, `home       ${home}`, '',
    `In another terminal: npx millrace run FILE. "kill -9 ${workerPid()}" while it runs: it is finished all the same. Ctrl-C ends it; runs go on when it is up again.`, '',
  ].join('\n'));
}

export const addDev: AddCommand = ({ command, does }) => command('dev', 'Keep Temporal with its Web UI and a worker up until Ctrl-C', 'millrace dev --postgres')
  .option('--postgres', 'a Postgres too; its URL is in MILLRACE_DEMO_POSTGRES of the worker')
  .action(does((_, flags: { readonly postgres?: boolean; readonly json?: boolean }) => runDev({ postgres: flags.postgres ?? false, json: flags.json ?? false })));
