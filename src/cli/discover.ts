import { existsSync } from 'node:fs';
import pc from 'picocolors';
import type { Discovered, DiscoverInput } from '../activities/seeing-contract';
import { connectionsFileOf, openConnections } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { ConfigurationError } from '../domain/errors';
import type { StreamSchema } from '../domain/column';
import { askWorker } from './ask-worker';
import { serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { plainTable } from './plain-table';
import type { Terminal } from './terminal';
import { plural } from './words';

/** `discover CONNECTION|FILE`: what there is to read, as the worker sees it. */
export async function discover(word: string, filter: string | null, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const input: DiscoverInput = { ...(await connectionOf(word)), filter };
  const server = await serverForRun(environment, terminal);
  try {
    const found = await askWorker<Discovered>(server.client, environment, { workflow: 'discoverStreams', doing: `discovering the streams of "${input.connection}"`, input });
    terminal.event('discovered', { connection: input.connection, ...found });
    tell(found, input, terminal);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

/** The source of a pipeline file, or a connection named in connections.yaml of this folder. */
async function connectionOf(word: string): Promise<Pick<DiscoverInput, 'connectionsFile' | 'connection'>> {
  if (/\.ya?ml$/.test(word)) return { connectionsFile: connectionsFileOf(word), connection: (await loadPipeline(word)).source };
  const connectionsFile = connectionsFileOf('pipeline.yaml');
  if (!existsSync(connectionsFile)) throw new ConfigurationError(`discovering "${word}": there is no connections.yaml in this folder; go to the one that has it, name it with MILLRACE_CONNECTIONS, or give a pipeline file`);
  const connections = openConnections(connectionsFile);
  if (!connections.names.includes(word)) throw new ConfigurationError(`discovering "${word}": there is no such connection in "${connectionsFile}"; known connections: ${connections.names.join(', ')}`);
  return { connectionsFile, connection: word };
}

function tell({ streams, further, total }: Discovered, { connection, filter }: DiscoverInput, terminal: Terminal): void {
  if (total === 0) {
    terminal.say(`"${connection}" shows ${filter === null ? 'no streams; name a file, glob or query in the pipeline, or see what the role may read with "millrace check"' : `no stream whose name contains "${filter}"; leave out --filter to see all`}`);
    return;
  }
  terminal.say(`${plural(total, 'stream')} in "${connection}"`);
  for (const stream of streams) tellStream(stream, terminal);
  if (further.length > 0) terminal.say(`\n${plural(total - streams.length, 'stream')} more, without columns (narrow with --filter): ${further.slice(0, 30).join(', ')}${further.length > 30 ? ' …' : ''}`);
}

function tellStream({ stream, columns, key, estimatedRows }: StreamSchema, terminal: Terminal): void {
  const facts = [estimatedRows === undefined ? 'rows not estimated' : `about ${plural(estimatedRows, 'row')}`, key.length > 0 ? `key ${key.join(', ')}` : 'no key'];
  terminal.say(`\n${pc.bold(stream)}  ${pc.dim(facts.join(', '))}`);
  terminal.say(plainTable({ head: columns.length > 0 ? ['column', 'type', ''] : [], indent: '  ', rows: columns.map(({ name, type, nullable, sourceType }) => [name, sourceType ? `${sourceType.type} (travels as ${type})` : type, nullable ? '' : 'not null']) }));
}

export const addDiscover: AddCommand = ({ command, does }) => command('discover', 'Show what a connection offers: streams, columns, keys, estimated rows', 'millrace discover shop --filter order')
  .argument('<connection|file>', 'a name in connections.yaml, or a pipeline file for its source')
  .option('--filter <text>', 'only streams whose name contains it')
  .action(does(({ environment, terminal }, word: string, flags: { readonly filter?: string }) => discover(word, flags.filter ?? null, environment, terminal)));

