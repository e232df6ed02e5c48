import { availableParallelism } from 'node:os';
import path from 'node:path';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { ConfigurationError } from '../domain/errors';
import { durationOf } from './duration';
import { sizeOf } from './size';

export const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Environment {
  readonly temporal: {
    readonly connection: ClientConnectConfig['connectionOptions'];
    readonly namespace: string;
    /** Whether an address was given; without one the client looks for an environment of `millrace dev`. */
    readonly configured: boolean;
  };
  /** Absolute folder of staging, temporary files and the environment of `millrace dev`. */
  readonly home: string;
  /** `s3://bucket/prefix?…`: staging that workers on several machines share; undefined: the folder `staging` of the home. */
  readonly staging: string | undefined;
  /** Bytes of local copies of files that lie in a shared staging. */
  readonly stagingCache: number;
  readonly taskQueue: string;
  /** Absolute; undefined: `connections.yaml` beside the pipeline. */
  readonly connectionsFile: string | undefined;
  /** `1GB`: DuckDB's, all queries of a worker together. */
  readonly memoryLimit: string;
  /** `20GB`: what DuckDB may spill. */
  readonly tempLimit: string;
  /** DuckDB queries at a time. */
  readonly slots: number;
  /** Threads of one DuckDB query. */
  readonly threads: number;
  /** Of libuv, where DuckDB's queries and Node's file operations run; fixed when Node starts. */
  readonly threadPoolSize: number;
  readonly logLevel: LogLevel;
  /** How soon a dead worker is noticed, `30s`. */
  readonly heartbeatTimeout: string;
  /** Failed attempts without progress, and for how long, until what fails is held for a person. */
  readonly noProgress: { readonly attempts: number; readonly milliseconds: number };
  /** Crash tests: `load:after-commit`, `load:after-commit#3`. */
  readonly killAt: string | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The only reader of process.env. All problems are told at once. */
export function readEnvironment(variables: Variables = process.env): Environment {
  const problems: string[] = [];
  const text = (name: string, fallback: string): string => variables[name] || fallback;
  const matching = (name: string, fallback: string, pattern: RegExp, shape: string): string => {
    const value = text(name, fallback);
    if (!pattern.test(value)) problems.push(`${name} is "${value}", it must be ${shape}`);
    return value;
  };
  const whole = (name: string, fallback: number): number => Number(matching(name, String(fallback), /^[1-9]\d{0,4}$/, 'a whole number from 1'));
  const size = (name: string, fallback: string): string => matching(name, fallback, /^\d+(\.\d+)? ?[KMGT](i?B)$/i, 'a size such as 500MB or 2GB');

  const temporal = temporalOf(variables, problems);
  const environment: Environment = {
    temporal,
    home: path.resolve(text('MILLRACE_HOME', '.millrace')),
    staging: variables['MILLRACE_STAGING'] || undefined,
    stagingCache: sizeOf(size('MILLRACE_STAGING_CACHE', '20GB')) ?? 0,
    taskQueue: text('MILLRACE_TASK_QUEUE', 'millrace'),
    connectionsFile: variables['MILLRACE_CONNECTIONS'] ? path.resolve(variables['MILLRACE_CONNECTIONS']) : undefined,
    memoryLimit: size('MILLRACE_MEMORY', '1GB'),
    tempLimit: size('MILLRACE_TEMP_LIMIT', '20GB'),
    // Queries side by side beat threads in one query: more of both than cores costs 40 % (measured on two).
    slots: whole('MILLRACE_SLOTS', Math.min(availableParallelism() + 1, 8)),
    threads: whole('MILLRACE_THREADS', Math.ceil(availableParallelism() / 2)),
    threadPoolSize: whole('UV_THREADPOOL_SIZE', 4),
    logLevel: matching('MILLRACE_LOG_LEVEL', 'WARN', new RegExp(`^(${logLevels.join('|')})$`), `one of ${logLevels.join(', ')}`) as LogLevel,
    heartbeatTimeout: text('MILLRACE_HEARTBEAT_TIMEOUT', '30s'),
    noProgress: { attempts: whole('MILLRACE_NO_PROGRESS_ATTEMPTS', 10), milliseconds: durationOf(text('MILLRACE_NO_PROGRESS_TIME', '1h')) ?? Number.NaN },
    killAt: variables['MILLRACE_KILL_AT'] || undefined,
  };
  if (durationOf(environment.heartbeatTimeout) === null) problems.push(`MILLRACE_HEARTBEAT_TIMEOUT is "${environment.heartbeatTimeout}", it must be a duration such as 30s`);
  if (Number.isNaN(environment.noProgress.milliseconds)) problems.push(`MILLRACE_NO_PROGRESS_TIME is "${variables['MILLRACE_NO_PROGRESS_TIME']}", it must be a duration such as 1h`);
  if (problems.length > 0) throw new ConfigurationError(`reading the environment: ${problems.join('; ')}`, { problems });
  return environment;
}

/** One variable, for `${env:NAME}` in connections.yaml. */
export const environmentVariable = (name: string): string | undefined => process.env[name];

/** The process that waits for this one to end (bin/millrace.js); null: it was started directly. */
export const launcher = (): number | null => Number(process.env['MILLRACE_LAUNCHER']) || null;

/** The environment of processes started by this one. */
export const inheritedEnvironment = (): Variables => ({ ...process.env, MILLRACE_LAUNCHER: undefined });

/** TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, and the profile of TEMPORAL_PROFILE in Temporal's own file. */
function temporalOf(variables: Variables, problems: string[]): Environment['temporal'] {
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: defined(variables) });
    const configured = Boolean(connectionOptions.address);
    return { connection: { ...defined({ ...connectionOptions }), address: connectionOptions.address || 'localhost:7233' }, namespace: namespace || 'default', configured };
  } catch (error) {
    problems.push(`Temporal's settings cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return { connection: {}, namespace: 'default', configured: false };
  }
}

/** A key that is present with `undefined` makes the SDK throw. */
const defined = <Value>(object: Readonly<Record<string, Value | undefined>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(object).filter((entry): entry is [string, Value] => entry[1] !== undefined));
