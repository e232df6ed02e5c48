import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ConfigurationError, StepFailedError, type EtlError } from '../domain/errors';
import type { JsonObject } from '../domain/json';
import { positionColumn } from '../domain/column';
import { nextName, type ChainState } from './chain-state';
import type { Session } from './duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { baseFolderOf, secretOf } from './secrets';
import { programError, type Program, type ProgramLimits } from './step';

const usualLimits: ProgramLimits = { memoryMb: 256, secondsPerRow: 30 };
/** A row's text may be this long on its way back. */
const longestLine = 32 * 1024 * 1024;

/** What the child process is told on its standard input: once, before the first row. */
export interface ProgramOrder {
  readonly program: string;
  readonly settings: JsonObject;
  readonly secrets: Readonly<Record<string, string>>;
  readonly file: string | null;
  readonly input: string;
  readonly output: string;
  readonly longestLine: number;
}

/**
 * Has a child process work on the rows of a relation: the inputs go out as JSON lines, one result line per row comes back and is
 * joined to its row. The new relation has the program's outputs and its error as further columns. The process has no environment,
 * bounded memory, and is ended when a row takes too long.
 */
export async function runProgram(session: Session, state: ChainState, program: Program, step: string): Promise<string> {
  const table = nextName(state);
  const names = [...state.columns.map(({ name }) => name), positionColumn];
  const joined = `${table}_done`;
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(table)} AS SELECT ${quoteList(names)} FROM ${quoteIdentifier(state.relation)}`);
  const input = path.join(session.scratch(), `${table}.in.jsonl`);
  const output = path.join(session.scratch(), `${table}.out.jsonl`);
  const handed = program.inputs.map(({ name, sql }) => `(${sql}) AS ${quoteIdentifier(name)}`);
  const rows = await session.changed(`COPY (SELECT ${['rowid AS "#"', ...handed].join(', ')} FROM ${quoteIdentifier(table)}) TO ${quoteLiteral(input)} (FORMAT json)`);
  if (rows === 0) {
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(joined)} AS SELECT *, ${[...program.outputs.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`), `CAST(NULL AS VARCHAR) AS ${programError}`].join(', ')} FROM ${quoteIdentifier(table)}`);
    return joined;
  }
  await runChild(session, { ...await orderOf(session, program, step), input, output, longestLine: longestLine - 1024 }, { ...usualLimits, ...program.limits }, step);
  const results = `read_json(${quoteLiteral(output)}, format = 'newline_delimited', maximum_object_size = ${longestLine}, columns = {"#": 'BIGINT', v: 'JSON', e: 'VARCHAR'})`;
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(joined)} AS SELECT ${[...names.map((name) => `t.${quoteIdentifier(name)}`), ...program.outputs.map(outputSql), `r.e AS ${programError}`].join(', ')} FROM ${quoteIdentifier(table)} t JOIN ${results} r ON r."#" = t.rowid`);
  const given = Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(joined)}`))['n']);
  if (given !== rows) throw new StepFailedError(`running step "${step}": the program answered for ${given} of ${rows} rows and ended; ${program.program === 'js' ? 'the function must not end its process, and a promise that it gives must be kept or broken' : 'this is a defect of the program'}`, { step });
  await session.run(`DROP TABLE ${quoteIdentifier(table)}`);
  for (const file of [input, output]) rmSync(file, { force: true });
  return joined;
}

/** A value that is not of its type gives NULL beside a result: the step's guard tells. */
function outputSql({ name, type }: Program['outputs'][number]): string {
  const value = `json_extract(r.v, ${quoteLiteral(`$."${name.replaceAll('"', '\\"')}"`)})`;
  const nested = /[[(]|^(JSON|STRUCT|MAP)/i.test(type) && !/^(DECIMAL|NUMERIC)/i.test(type);
  const sql = type === 'BLOB' ? `from_base64(${value} ->> '$')` : nested ? `TRY_CAST(${value} AS ${type})` : `TRY_CAST(${value} ->> '$' AS ${type})`;
  return `${sql} AS ${quoteIdentifier(name)}`;
}

async function orderOf(session: Session, { program, settings, secrets = {}, file }: Program, step: string): Promise<Pick<ProgramOrder, 'program' | 'settings' | 'secrets' | 'file'>> {
  const found: Record<string, string> = {};
  for (const [name, reference] of Object.entries(secrets)) {
    const value = await secretOf(session, reference);
    if (value === null) throw new ConfigurationError(`running step "${step}": the secret ${reference} is not known on the worker`, { step });
    found[name] = value;
  }
  const absolute = file === undefined ? null : path.resolve(await baseFolderOf(session), file);
  if (absolute !== null && !existsSync(absolute)) throw new ConfigurationError(`running step "${step}": there is no file "${file!}" on the worker; paths are relative to connections.yaml`, { step });
  return { program, settings, secrets: found, file: absolute };
}

/** The compiled program; tests run from the sources, beside which the build stands. */
const main = path.join(__dirname.replace(/([\\/])src([\\/]transforms)$/, '$1lib$2'), '../programs/main.js');

function nodeOptions({ program, file, input, output }: ProgramOrder, { memoryMb }: ProgramLimits): readonly string[] {
  const memory = `--max-old-space-size=${memoryMb}`;
  if (program !== 'js' || file === null) return [memory];
  // A user's function reads its own folder, writes nothing else and starts no process.
  const permission = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const readable = [path.join(path.dirname(main), '*'), path.join(path.dirname(file), '*'), input].map((place) => `--allow-fs-read=${place}`);
  return [memory, '--no-warnings', permission, ...readable, `--allow-fs-write=${output}`];
}

function runChild(session: Session, order: ProgramOrder, limits: ProgramLimits, step: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeOptions(order, limits), main], { env: {}, cwd: session.scratch(), stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    let slow = false;
    let lastRow = 0;
    const stop = () => child.kill('SIGKILL');
    const late = () => { slow = true; stop(); };
    let watch = setTimeout(late, (limits.secondsPerRow + 10) * 1000);
    child.stdout.on('data', (chunk: Buffer) => {
      clearTimeout(watch);
      watch = setTimeout(late, limits.secondsPerRow * 1000);
      lastRow = Number(chunk.toString().trim().split('\n').at(-1)) || lastRow;
    });
    child.stderr.on('data', (chunk: Buffer) => { if (said.length < 4000) said += chunk.toString(); });
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(order));
    session.signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(watch);
      session.signal.removeEventListener('abort', stop);
      if (session.signal.aborted) reject(session.signal.reason as Error);
      else if (code === 0) resolve();
      else reject(problemOf(step, code, said, slow, lastRow, limits));
    });
  });
}

function problemOf(step: string, code: number | null, said: string, slow: boolean, lastRow: number, { memoryMb, secondsPerRow }: ProgramLimits): EtlError {
  if (slow) return new StepFailedError(`running step "${step}": a row after the first ${lastRow} took more than ${secondsPerRow} s; mend the function, or raise "seconds_per_row"`, { step });
  if (/heap out of memory|heap limit/i.test(said)) return new StepFailedError(`running step "${step}": its program needs more than ${memoryMb} MB; mend the function, or raise "memory_mb"`, { step });
  const told = /^MILLRACE: (.*)$/m.exec(said)?.[1];
  return told ? new ConfigurationError(`running step "${step}": ${told}`, { step }) : new StepFailedError(`running step "${step}": its program ended with ${code ?? 'a signal'}: ${said.split('\n').find((line) => /Error/.test(line))?.slice(0, 200) ?? 'no reason given'}`, { step });
}
