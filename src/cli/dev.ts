import { readEnvironment } from '../config/environment';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { findEnvironment, startEnvironment } from './development';

/** Keeps Temporal, a worker and, if asked, a Postgres up until Ctrl-C. */
export async function runDev({ postgres, json }: { readonly postgres: boolean; readonly json: boolean }): Promise<ExitCode> {
  const { home } = readEnvironment();
  const say = (line: string) => { process.stderr.write(`${line}\n`); };
  const running = await findEnvironment(home);
  if (running) {
    say(`an environment is up on ${home} already: Temporal at ${running.address}`);
    return exitCodes.other;
  }
  const environment = await startEnvironment({ home, postgres, log: say });
  const { address, uiUrl, postgresUrl } = environment;
  if (json) process.stdout.write(`${JSON.stringify({ ready: true, address, uiUrl, postgresUrl, home })}\n`);
  else process.stdout.write([`Temporal   ${address}`, `Web UI     ${uiUrl ?? 'of your server'}`, ...(postgresUrl ? [`Postgres   ${postgresUrl}`] : []), `home       ${home}`, '', 'In another terminal: npx millrace run FILE. Ctrl-C ends it; runs go on when it is up again.', ''].join('\n'));
  // Waiting for a signal alone keeps no process alive: it would end, and leave its servers behind.
  const awake = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  clearInterval(awake);
  say('stopping …');
  await environment.stop();
  return exitCodes.success;
}

export const addDev: AddCommand = ({ command, does }) => command('dev', 'Keep Temporal with its Web UI and a worker up until Ctrl-C', 'millrace dev --postgres')
  .option('--postgres', 'a Postgres too; its URL is in MILLRACE_DEMO_POSTGRES of the worker')
  .action(does((_, flags: { readonly postgres?: boolean; readonly json?: boolean }) => runDev({ postgres: flags.postgres ?? false, json: flags.json ?? false })));
