import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import pc from 'picocolors';
import type { Examined, ExamineInput } from '../activities/seeing-contract';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { questionId } from './ask-worker';
import { findServer, type Server } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { screenWidth, wrapped } from './plain-table';
import type { Terminal } from './terminal';

interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'failed';
  /** What was found; where it is not well, what to do. */
  readonly said: string;
}

const ok = (what: string, said: string): Finding => ({ what, state: 'ok', said });
const warning = (what: string, said: string): Finding => ({ what, state: 'warning', said });
const failed = (what: string, said: string): Finding => ({ what, state: 'failed', said });

/** `doctor`: what a run needs, each looked at, and what to do about what is missing. */
export async function doctor(environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const findings: Finding[] = [nodeFinding(), await roomFinding('room here', environment.home)];
  const server = await findServer(environment).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  if (server === null) findings.push(failed('Temporal', 'there is no server; start "millrace dev" in this folder, or set TEMPORAL_ADDRESS'));
  else if (typeof server === 'string') findings.push(failed('Temporal', server));
  else {
    try {
      findings.push(ok('Temporal', `answers at ${server.address}, namespace "${environment.temporal.namespace}"`), ...await examine(server, environment));
    } finally {
      await server.close();
    }
  }
  for (const finding of findings) {
    terminal.event('finding', { ...finding });
    wrapped(finding.said, screenWidth() - 24).forEach((line, at) => terminal.say(at === 0 ? `${mark(finding.state)}  ${finding.what.padEnd(13)} ${line}` : `${' '.repeat(23)}${line}`));
  }
  return findings.some(({ state }) => state === 'failed') ? exitCodes.other : exitCodes.success;
}

const mark = (state: Finding['state']): string => (state === 'ok' ? pc.green('ok     ') : state === 'warning' ? pc.yellow('warning') : pc.red('failed '));

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 15) ? ok('Node', process.version) : failed('Node', `${process.version} is too old; install Node 20.15 or later`);
}

const scarce = 2e9;

async function roomFinding(what: string, folder: string): Promise<Finding> {
  const at = existsSync(folder) ? folder : '.';
  const { bavail, bsize } = await statfs(at);
  return roomOf(what, Number(bavail) * Number(bsize), folder);
}

const roomOf = (what: string, free: number, folder: string): Finding =>
  free < scarce ? warning(what, `${gigabytes(free)} free at ${folder}; staging and sorting need room: free some, or move it with MILLRACE_HOME`) : ok(what, `${gigabytes(free)} free at ${folder}`);

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;

const patience = 15_000;

/** One question to a worker tells of its queue, its clock and the server's. */
async function examine({ client }: Server, { taskQueue }: Environment): Promise<readonly Finding[]> {
  const file = connectionsFileOf('pipeline.yaml');
  const input: ExamineInput = { connectionsFile: existsSync(file) ? file : null };
  const before = Date.now();
  const handle = await client.workflow.start('examineWorker', { workflowId: questionId('doctor'), taskQueue, args: [input], workflowExecutionTimeout: patience });
  const { startTime } = await handle.describe();
  const after = Date.now();
  try {
    const found = (await handle.result()) as Examined;
    return [
      ok('worker', `process ${found.pid}, Millrace ${found.version}, Node ${found.node.slice(1)}, ${found.slots} DuckDB slots, ${found.memoryLimit}, on task queue "${taskQueue}"`),
      found.threadPoolSize >= found.slots + 8 ? ok('threads', `UV_THREADPOOL_SIZE is ${found.threadPoolSize}`) : failed('threads', `UV_THREADPOOL_SIZE is ${found.threadPoolSize}, ${found.slots} DuckDB slots need ${found.slots + 8}; start the worker with "millrace worker"`),
      found.staged === null ? ok('staging', `can be written, id ${found.staging}`) : failed('staging', `${found.staged}; let the worker's account write to it`),
      roomOf('room there', found.freeBytes, found.home),
      skewOf('clocks', startTime.getTime(), before, after, 'the Temporal server'),
      skewOf('', Date.parse(found.now), before, Date.now(), 'the worker'),
      ...connectionFindings(found, input),
    ];
  } catch {
    return [failed('worker', `none on task queue "${taskQueue}" answered in ${patience / 1000} s; start "millrace worker" or "millrace dev", or correct MILLRACE_TASK_QUEUE`)];
  }
}

const tolerated = 5000;

/** What a clock said, against when it can have said it by ours. */
function skewOf(what: string, said: number, earliest: number, latest: number, whose: string): Finding {
  const skew = said < earliest ? said - earliest : said > latest ? said - latest : 0;
  if (Math.abs(skew) <= tolerated) return ok(what, `${whose} agrees with this machine`);
  return warning(what, `${whose} is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} this machine; logical dates and claims go by clocks: set them by NTP`);
}

function connectionFindings({ connections }: Examined, { connectionsFile }: ExamineInput): readonly Finding[] {
  if (connectionsFile === null) return [warning('connections', 'there is no connections.yaml in this folder; run this where it lies, or name it with MILLRACE_CONNECTIONS')];
  const wrong = connections.filter(({ problem }) => problem !== null);
  if (wrong.length === 0) return [ok('connections', `${connections.map(({ connection }) => connection).join(', ') || 'none'}; try them with "millrace check FILE"`)];
  return wrong.map(({ connection, problem }) => failed('connections', `${connection}: ${problem}`));
}

export const addDoctor: AddCommand = ({ command, does }) => command('doctor', 'Look at everything a run needs, and say what to do about what is missing', 'millrace doctor')
  .action(does(({ environment, terminal }) => doctor(environment, terminal)));
