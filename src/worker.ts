import { hostname } from 'node:os';
import path from 'node:path';
import { NativeConnection, Runtime, Worker, DefaultLogger } from '@temporalio/worker';
import { failureInterceptor, timingInterceptor, type Dependencies } from './activities';
import { activitiesIn, openStagingPlaces } from './activities/staging-places';
import { openConnections } from './config/connections';
import { durationOf } from './config/duration';
import { resolveReferences } from './config/secrets';
import { readEnvironment, type Environment } from './config/environment';
import { connectorNamed } from './connectors/registry';
import { ConfigurationError } from './domain/errors';
import type { KillPoint } from './domain/control';
import { governorIn } from './stores/governor';
import { openNamedStaging, openStaging } from './stores/open-staging';
import type { StagingStore } from './stores/staging';
import { openEngine } from './transforms/duckdb-engine';

/** Composition root: environment → stores → connectors → activities → workers, one on the common queue, one on the queue of this staging. */
export async function runWorker(environment: Environment): Promise<void> {
  refuseSmallThreadPool(environment);
  Runtime.install({ logger: new DefaultLogger(environment.logLevel) });
  const connection = await NativeConnection.connect(environment.temporal.connection);
  const staging = await openStaging(environment);
  const engine = await openEngine({
    memoryLimit: environment.memoryLimit, tempFolder: path.join(environment.home, 'temp'), tempLimit: environment.tempLimit, slots: environment.slots, threads: environment.threads,
  });
  const dependenciesOf = (store: StagingStore): Dependencies => ({
    staging: store, engine,
    taskQueue: environment.taskQueue, heartbeatTimeout: environment.heartbeatTimeout, version: packageVersion(), worker: `${hostname()}:${environment.home}`,
    reached: killSwitch(environment.killAt),
    resolveSecret: async (file, reference) => String(await resolveReferences(reference, path.dirname(file), 'steps')),
    async openSource(file, name) {
      const { connector, config } = await openConnections(file).resolve(name);
      const found = connectorNamed(connector);
      if (!found.openSource) throw new ConfigurationError(`opening "${name}" as a source: connector "${connector}" is a destination only`);
      return found.openSource(config, { engine, baseFolder: path.dirname(file), connection: name, governor: governorIn(store, `${path.resolve(file)}#${name}`) });
    },
    async openLookup(file, name) {
      const { connector, config } = await openConnections(file).resolve(name);
      const found = connectorNamed(connector);
      if (!found.openLookup) throw new ConfigurationError(`asking "${name}": connector "${connector}" gives no single answers; http_lookup needs one of connector rest`);
      return found.openLookup(config, { engine, baseFolder: path.dirname(file), connection: name, governor: governorIn(store, `${path.resolve(file)}#${name}`) });
    },
    async openDestination(file, name) {
      const { connector, config } = await openConnections(file).resolve(name);
      const found = connectorNamed(connector);
      if (!found.openDestination) throw new ConfigurationError(`opening "${name}" as a destination: connector "${connector}" is a source only`);
      return found.openDestination(config, { engine, baseFolder: path.dirname(file), connection: name });
    },
  });
  const places = openStagingPlaces({ own: staging, open: (address) => openNamedStaging(address, environment), dependenciesOf });
  const heartbeatTimeout = durationOf(environment.heartbeatTimeout)!;
  const create = (taskQueue: string) => Worker.create({
    connection,
    namespace: environment.temporal.namespace,
    taskQueue,
    workflowBundle: { codePath: path.join(__dirname, 'workflow-bundle.js') },
    activities: activitiesIn(places),
    interceptors: { activity: [() => ({ inbound: failureInterceptor(environment.noProgress) }), () => ({ inbound: timingInterceptor(async (input) => (await places.placeOf(input)).staging) })] },
    // Cancel and pause are heard on a heartbeat, so its throttle bounds how soon. Three fit into the timeout, so one may be late.
    maxHeartbeatThrottleInterval: Math.min(2000, heartbeatTimeout / 3),
    // After a worker has died, its workflows are told to the next one after this long.
    stickyQueueScheduleToStartTimeout: Math.min(2000, heartbeatTimeout),
    shutdownGraceTime: 0,
    shutdownForceTime: '15s',
  });
  const workers = [await create(environment.taskQueue), await create(`${environment.taskQueue}.${staging.id}`)];
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, taskQueue: environment.taskQueue, staging: staging.id })}\n`);
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    await engine.close();
    await connection.close();
  }
}

/** With fewer threads than DuckDB queries in flight, every file operation of Node waits for seconds (semantics 15). */
function refuseSmallThreadPool({ slots, threadPoolSize }: Environment): void {
  if (threadPoolSize >= slots + 8) return;
  throw new ConfigurationError(`starting a worker: UV_THREADPOOL_SIZE is ${threadPoolSize}, ${slots} DuckDB slots need ${slots + 8}; start it with "npx millrace worker", which sets it`);
}

/** `load:after-commit` or `load:after-commit#3`: ends the process without any clean-up at that arrival; `#3#SIGSTOP` halts it. For crash tests. */
function killSwitch(killAt: string | undefined): (point: KillPoint) => void {
  if (!killAt) return () => undefined;
  const [point, arrival = '1', signal = 'SIGKILL'] = killAt.split('#');
  let left = Number(arrival);
  return (reached) => {
    if (reached === point && --left === 0) process.kill(process.pid, signal as NodeJS.Signals);
  };
}

 
const packageVersion = (): string => (require('../package.json') as { version: string }).version;

if (require.main === module) {
  runWorker(readEnvironment()).then(() => process.exit(0), (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}
