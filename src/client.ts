#!/usr/bin/env node
import { Argument, Command, CommanderError, Option } from 'commander';
import { cancel } from './cli/cancel';
import { check } from './cli/check';
import { exitCodes, type ExitCode } from './cli/exit-codes';
import { runDev } from './cli/dev';
import { init } from './cli/init';
import { list, listKinds, type ListKind } from './cli/list';
import { pause } from './cli/pause';
import { resume } from './cli/resume';
import { run } from './cli/run';
import { status } from './cli/status';
import { openTerminal, tellError, type Terminal } from './cli/terminal';
import { worker } from './cli/worker';
import { readEnvironment, type Environment } from './config/environment';
import { packageVersion } from './version';

const exitCodeHelp = `
Exit codes:
  0 success            4 configuration       8 held: waits for a person
  1 anything else      5 source            130 detached: the run goes on
  2 with rejects       6 destination
  3 check or limit     7 cancelled

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_PROFILE, …
                        Temporal server; else that of "millrace dev"
  MILLRACE_HOME         staging and receipts (default .millrace)
  MILLRACE_CONNECTIONS  connections (default connections.yaml by the pipeline)
  MILLRACE_TASK_QUEUE, MILLRACE_MEMORY, MILLRACE_SLOTS, MILLRACE_THREADS,
  MILLRACE_TEMP_LIMIT, MILLRACE_HEARTBEAT_TIMEOUT, MILLRACE_LOG_LEVEL`;

interface RunFlags {
  readonly logicalDate?: string;
  readonly queue?: boolean;
  readonly refuse?: boolean;
  readonly detach?: boolean;
  readonly allowDestructive?: boolean;
}

/** One command's work: what it needs, and the exit code it ends with. */
type Work = (environment: Environment, terminal: Terminal) => Promise<ExitCode> | ExitCode;

/** The command line. Returns the exit code; writes to standard output and error only. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = new Command('millrace');
  const does = (work: Work) => async (command: Command): Promise<void> => {
    const terminal = openTerminal({ json: command.opts<{ json?: boolean }>().json === true });
    try {
      exitCode = await work(readEnvironment(), terminal);
    } catch (error) {
      exitCode = tellError(terminal, error);
    }
  };
  program.description('Moves data between systems and does not lose its place: durable ETL on Temporal.')
    .version(packageVersion()).showHelpAfterError('(see "millrace --help")').exitOverride().addHelpText('after', exitCodeHelp);
  addCommands(program, does);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.configuration;
    throw error;
  }
}

type Does = (work: Work) => (command: Command) => Promise<void>;

function addCommands(program: Command, does: Does): void {
  const command = (name: string, summary: string, example: string): Command =>
    program.command(name).description(summary).option('--json', 'one JSON object a line instead of text').addHelpText('after', `\nExample:\n  ${example}`);

  command('init', 'Write a first project that needs no database', 'millrace init shop && cd shop && millrace run orders.yaml')
    .argument('[dir]', 'folder to write to', '.')
    .action((folder: string, _flags, self: Command) => does((_environment, terminal) => init(folder, terminal))(self));
  command('check', 'Read a pipeline, list everything that is wrong, and try its connections', 'millrace check pipelines/orders.yaml')
    .argument('<file>', 'pipeline file')
    .action((file: string, _flags, self: Command) => does((environment, terminal) => check(file, environment, terminal))(self));
  addRun(command, does);
  command('status', 'Show what runs and what has run', 'millrace status orders')
    .argument('[pipeline|run]', 'name of a pipeline, or id of a run')
    .action((word: string | undefined, _flags, self: Command) => does((environment, terminal) => status(word, environment, terminal))(self));
  addControl(command, does);
  command('list', 'List what pipelines can be made of', 'millrace list steps')
    .addArgument(new Argument('<kind>', 'what to list').choices(listKinds))
    .action((kind: ListKind, _flags, self: Command) => does((_environment, terminal) => list(kind, terminal))(self));
  command('dev', 'Keep Temporal with its Web UI and a worker up until Ctrl-C', 'millrace dev --postgres')
    .option('--postgres', 'a Postgres too; its URL is in MILLRACE_DEMO_POSTGRES of the worker')
    .action((flags: { postgres?: boolean; json?: boolean }, self: Command) => does(() => runDev({ postgres: flags.postgres ?? false, json: flags.json ?? false }))(self));
  command('worker', 'Run a worker', 'TEMPORAL_ADDRESS=temporal.example:7233 millrace worker')
    .action((_flags, self: Command) => does(worker)(self));
}

type Add = (name: string, summary: string, example: string) => Command;

function addRun(command: Add, does: Does): void {
  command('run', 'Run a pipeline and watch it to its end', 'millrace run pipelines/orders.yaml\n  millrace run pipelines/orders.yaml --logical-date 2026-08-01 --json')
    .argument('<file>', 'pipeline file')
    .option('--logical-date <instant>', 'date of the run; data up to it is read (default: now)')
    .addOption(new Option('--attach', 'watch the run of this pipeline that is going on, if one is (default)').conflicts(['queue', 'refuse', 'detach']))
    .addOption(new Option('--queue', 'wait until the run that is going on has ended').conflicts(['attach', 'refuse']))
    .addOption(new Option('--refuse', 'end at once if another run is going on').conflicts(['attach', 'queue']))
    .option('--detach', 'start the run and do not watch it')
    .option('--allow-destructive', 'let "write: replace" take a table that Millrace did not create')
    .action((file: string, flags: RunFlags, self: Command) => does((environment, terminal) => run(file, {
      ...(flags.logicalDate === undefined ? {} : { logicalDate: flags.logicalDate }),
      whenHeld: flags.queue ? 'queue' : flags.refuse ? 'refuse' : 'attach',
      detach: flags.detach === true,
      allowDestructive: flags.allowDestructive === true,
    }, environment, terminal))(self));
}

function addControl(command: Add, does: Does): void {
  const named = 'id of a run, or name of a pipeline for the run that is going on';
  command('pause', 'Stop a run at its next safe place', 'millrace pause orders')
    .argument('<run>', named)
    .action((word: string, _flags, self: Command) => does((environment, terminal) => pause(word, environment, terminal))(self));
  command('resume', 'Let a paused run go on, and try again what is held', 'millrace resume orders')
    .argument('<run>', named)
    .action((word: string, _flags, self: Command) => does((environment, terminal) => resume(word, environment, terminal))(self));
  command('cancel', 'End a run; the destination stays as the last commit made it', 'millrace cancel orders/run-2026-08-01T00:00:00Z')
    .argument('<run>', named)
    .option('--now', 'without waiting for a worker; the next run settles what is left')
    .action((word: string, flags: { readonly now?: boolean }, self: Command) => does((environment, terminal) => cancel(word, { now: flags.now === true }, environment, terminal))(self));
}

if (require.main === module) {
  main(process.argv.slice(2)).then((code) => process.exit(code), (error: unknown) => {
    console.error(error);
    process.exit(exitCodes.other);
  });
}
