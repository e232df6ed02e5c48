#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addBackfill } from './cli/backfill';
import { addApprove, addReject } from './cli/approve';
import { addCancel } from './cli/cancel';
import { addCheck } from './cli/check';
import { addClean } from './cli/clean';
import { addCompact } from './cli/compact';
import { endWithReader } from './cli/closed-pipe';
import { addDev } from './cli/dev';
import { addDiscover } from './cli/discover';
import { addDoctor } from './cli/doctor';
import { openDoor, type AddCommand } from './cli/door';
import { exitCodes } from './cli/exit-codes';
import { addInit } from './cli/init';
import { addLineage } from './cli/lineage';
import { addList } from './cli/list';
import { addLogs } from './cli/logs';
import { addPause } from './cli/pause';
import { addPlan } from './cli/plan';
import { addPreview } from './cli/preview';
import { addQuarantine } from './cli/quarantine';
import { addReport } from './cli/report';
import { addResume } from './cli/resume';
import { addRetry } from './cli/retry';
import { addRun } from './cli/run';
import { addSchedule } from './cli/schedule';
import { addSchema } from './cli/schema';
import { addSet } from './cli/set';
import { addSkip } from './cli/skip';
import { addState } from './cli/state';
import { addStatus } from './cli/status';
import { addTest } from './cli/test';
import { addVerify } from './cli/verify';
import { addWhy } from './cli/why';
import { addWorker } from './cli/worker';
import { packageVersion } from './version';

/** Every command, in the order of `--help`. To add one: write `src/cli/<command>.ts` and add a line here. */
const commands: readonly AddCommand[] = [
  addInit,
  addCheck,
  addDiscover,
  addPreview,
  addTest,
  addPlan,
  addRun,
  addStatus,
  addWhy,
  addLogs,
  addPause,
  addResume,
  addCancel,
  addRetry,
  addSkip,
  addSet,
  addApprove,
  addReject,
  addQuarantine,
  addSchedule,
  addBackfill,
  addClean,
  addCompact,
  addVerify,
  addState,
  addReport,
  addLineage,
  addDoctor,
  addList,
  addSchema,
  addDev,
  addWorker,
];

const exitCodeHelp = `
Exit codes:
  0 success            4 configuration       8 held: waits for a person
  1 anything else      5 source            130 detached: the run goes on
  2 with rejects       6 destination
  3 check or verify    7 cancelled

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_PROFILE, …
                        Temporal server; else that of "millrace dev"
  MILLRACE_HOME         staging and receipts (default .millrace)
  MILLRACE_CONNECTIONS  connections (default connections.yaml by the pipeline)
  MILLRACE_TASK_QUEUE, MILLRACE_MEMORY, MILLRACE_SLOTS, MILLRACE_THREADS,
  MILLRACE_TEMP_LIMIT, MILLRACE_HEARTBEAT_TIMEOUT, MILLRACE_LOG_LEVEL,
  MILLRACE_NO_PROGRESS_ATTEMPTS, MILLRACE_NO_PROGRESS_TIME`;

/** Without `[options]`, which each has: the summaries need the room. */
const subcommandTerm = (command: Command): string => [command.name(), ...command.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))].join(' ');

/** All commands, without running any: for `main`, and for the documentation made from it. */
export function createProgram(ended: (exitCode: number) => void): Command {
  const program = new Command('millrace');
  program.description('Moves data between systems and does not lose its place: durable ETL on Temporal.')
    .version(packageVersion()).configureHelp({ minWidthToWrap: 20, subcommandTerm }).showHelpAfterError('(see "millrace --help")').exitOverride().addHelpText('after', exitCodeHelp);
  const door = openDoor(program, ended);
  for (const add of commands) add(door);
  return program;
}

/** The command line. Returns the exit code; writes to standard output and error only. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = createProgram((ended) => { exitCode = ended; });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.configuration;
    throw error;
  }
}

if (require.main === module) {
  endWithReader();
  main(process.argv.slice(2)).then((code) => process.exit(code), (error: unknown) => {
    console.error(error);
    process.exit(exitCodes.other);
  });
}
