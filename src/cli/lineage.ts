import pc from 'picocolors';
import { openArtefacts } from '../activities/artefacts';
import type { Traced, TraceInput } from '../activities/seeing-contract';
import type { Environment } from '../config/environment';
import type { Batch } from '../domain/batch';
import { ConfigurationError } from '../domain/errors';
import { slug } from '../domain/ids';
import type { PublishReceipt } from '../domain/receipt';
import { readRun, type StoredRun } from '../stores/runs';
import type { StagingStore } from '../stores/staging';
import { askWorker } from './ask-worker';
import { serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { findOneStored, findStored, openStore, openStores } from './open-store';
import { plainTable } from './plain-table';
import { storedBatches } from './stored-batches';
import type { Terminal } from './terminal';
import { wholeNumber } from './whole-number';
import { grouped, plural } from './words';
import { wrapped } from './wrapped';

/** `lineage RUN`: run → streams → partitions → batches. */
async function lineageOfRun(word: string, limit: number, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const staging = await openStore(environment, word);
  const stored = await findOneStored(staging, word);
  const artefacts = openArtefacts(staging);
  terminal.say(`${pc.bold(stored.run.workflowId)}  pipeline text sha256 ${stored.spec.hash.slice(0, 16)}…`);
  for (const { stream, to } of stored.spec.streams) {
    const plan = await artefacts.plan.find(stored.run, stream);
    const batches = await storedBatches(staging, stored, stream);
    const published = await artefacts.published.find(stored.run, stream);
    terminal.event('stream', { run: stored.run.workflowId, stream, to, window: plan?.window ?? null, plan: plan?.hash ?? null, partitions: plan?.partitions.length ?? 0, published: published?.rows ?? null });
    terminal.say(`\n${pc.bold(stream)} → ${pc.bold(to)}  ${plan ? `${plural(plan.partitions.length, 'partition')}, plan ${plan.hash.slice(0, 12)}…` : 'not planned'}${spokenPublished(published)}`);
    for (const batch of batches) terminal.event('batch', { ...batchFacts(batch), label: labelOf(plan, batch) });
    if (batches.length > 0) {
      terminal.say(plainTable({ head: ['batch', 'of', 'read', 'staged', 'rejected', 'checksum'], right: [2, 3, 4], indent: '  ', rows: batches.slice(0, limit).map((batch) => {
        const { id, read, rows, rejected, checksum } = batchFacts(batch);
        return [id.split('/').slice(-2).join('/'), labelOf(plan, batch), grouped(read), grouped(rows), grouped(rejected), checksum.slice(0, 12)];
      }) }));
    }
    if (batches.length > limit) terminal.say(`  and ${plural(batches.length - limit, 'batch')} more; see them with --limit`);
  }
  return exitCodes.success;
}

const batchFacts = ({ id, read, rows, checksum, quarantine }: Batch) => ({ id, read, rows, checksum, rejected: quarantine.reduce((sum, file) => sum + file.rows, 0) });

/** A batch's rows are those that were staged: what of them was there already, or twice, is left out when the stream is published. */
const spokenPublished = (published: PublishReceipt | null): string => (published ? `, ${plural(published.rows, 'row')} published${published.deduplicated > 0 ? `, ${grouped(published.deduplicated)} there already or twice` : ''}` : '');

type FoundPlan = Awaited<ReturnType<ReturnType<typeof openArtefacts>['plan']['find']>>;
const labelOf = (plan: FoundPlan, { id }: Batch): string => (partOf(id) === 'all' ? 'all partitions' : (plan?.partitions[Number(partOf(id))]?.label ?? ''));
/** `…/0007~2/00` → `7`, `…/all/00` → `all`. */
const partOf = (batchId: string): string => {
  const part = batchId.split('/').at(-2)!;
  return part === 'all' ? part : String(Number.parseInt(part, 10));
};

/** `lineage TABLE BATCH`: from the `_millrace_batch_id` of any row: ledger → batch → manifest → partition → run, one look-up each. */
async function lineageOfRow(table: string, batchNumber: string, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  if (!/^\d{1,19}$/.test(batchNumber)) throw new ConfigurationError(`tracing "${table}": "${batchNumber}" is no batch number; take the _millrace_batch_id of a row`);
  const writers = await writersOf(await openStores(environment), table);
  const server = await serverForRun(environment, terminal);
  try {
    for (const { stored, input } of writers.map((stored) => ({ stored, input: inputOf(stored, table, batchNumber) }))) {
      const entry = await askWorker<Traced | null>(server.client, environment, { workflow: 'traceBatch', doing: `asking the ledger of "${stored.spec.destination}"`, input });
      if (entry) return await tellRow(await openStore(environment, stored.run.workflowId), entry, terminal);
    }
  } finally {
    await server.close();
  }
  throw new ConfigurationError(`tracing "${table}": no ledger knows batch ${batchNumber} of it; is it another table's, or was the table written by a pipeline of another home (MILLRACE_HOME)?`);
}

/** The newest run of each pipeline that writes the table: it names the connection to ask. */
async function writersOf(stores: readonly StagingStore[], table: string): Promise<readonly StoredRun[]> {
  const runs = (await Promise.all(stores.map((staging) => findStored(staging, undefined)))).flat().sort((left, right) => right.run.startedAt.localeCompare(left.run.startedAt));
  const writing = runs.filter(({ spec }) => streamTo(spec.streams, table) !== undefined);
  const newest = writing.filter(({ run }, at) => writing.findIndex((other) => other.run.pipeline === run.pipeline) === at);
  if (newest.length > 0) return newest;
  const known = [...new Set(runs.flatMap(({ spec }) => spec.streams.map(({ to }) => to)))];
  throw new ConfigurationError(`tracing "${table}": no run here has written it; known tables: ${known.slice(0, 20).join(', ') || 'none'}`);
}

const streamTo = (streams: StoredRun['spec']['streams'], table: string) => streams.find(({ to }) => to === table || to.split('.').at(-1) === table || to === table.split('.').at(-1));

function inputOf({ run, spec, connectionsFile }: StoredRun, table: string, batchNumber: string): TraceInput {
  return { connectionsFile, connection: spec.destination, run, stream: streamTo(spec.streams, table)!, batchNumber };
}

async function tellRow(staging: StagingStore, entry: Traced, terminal: Terminal): Promise<ExitCode> {
  const stored = await readRun(staging, entry.run);
  const stream = stored?.spec.streams.find((one) => slug(one.stream) === entry.batchId.split('/').at(-3))?.stream ?? entry.stream;
  const artefacts = openArtefacts(staging);
  const part = partOf(entry.batchId);
  const plan = stored && await artefacts.plan.find(stored.run, stream);
  const batch = stored && await artefacts.batch.find(stored.run, stream, part === 'all' ? 'all' : Number(part));
  const manifest = stored && part !== 'all' ? await artefacts.manifest.find(stored.run, stream, Number(part)) : null;
  const published = stored && await artefacts.published.find(stored.run, stream);
  const partition = part === 'all' ? null : (plan?.partitions[Number(part)] ?? null);
  terminal.event('lineage', { ledger: entry, run: stored?.run ?? null, batch: batch && batchFacts(batch), manifest: manifest && { rows: manifest.rows, bytes: manifest.bytes, files: manifest.files.map(({ origin, rows, checksum }) => ({ origin, rows, checksum })) }, partition: partition && { ordinal: partition.ordinal, label: partition.label }, window: plan?.window ?? null, published: published?.rows ?? null });
  const line = (word: string, text: string): void => terminal.say(wrapped(text, `${pc.dim(word.padEnd(10))} `));
  line('ledger', `batch ${entry.batchNumber}, ${plural(entry.rows, 'row')} staged, ${entry.state.replace('_', ' ')}${entry.publishedAt ? ` at ${entry.publishedAt}` : ''}`);
  line('batch', `${entry.batchId}, checksum ${entry.checksum}${batch ? `, read ${grouped(batch.read)}, rejected ${grouped(batchFacts(batch).rejected)}` : ''}`);
  if (manifest) for (const file of manifest.files) line('landed', `${plural(file.rows, 'row')} of ${file.origin}, checksum ${file.checksum}`);
  line('partition', part === 'all' ? `all ${plural(plan?.partitions.length ?? 0, 'partition')} of the stream: a step needed them together` : `${part}${partition ? `: ${partition.label}` : ''}`);
  if (plan?.window) line('window', `${plan.window.cursor} in [${plan.window.lower ?? 'the beginning'}, ${plan.window.upper})`);
  line('stream', `${stream}${spokenPublished(published)}`);
  line('run', stored ? `${stored.run.workflowId}, logical date ${stored.run.logicalDate}, pipeline text sha256 ${stored.spec.hash.slice(0, 16)}…` : `${entry.run}: its documents are no longer in staging`);
  return exitCodes.success;
}

export const addLineage: AddCommand = ({ command, does }) => command('lineage', 'Follow a run to its batches, or a row back to its source', 'millrace lineage orders\n  millrace lineage sales.orders 42')
  .argument('<run|table>', 'id of a run or name of a pipeline; or a table, followed by a batch')
  .argument('[batch]', '_millrace_batch_id of a row of the table')
  .option('--limit <batches>', 'batches to list per stream', wholeNumber(1_000_000), 20)
  .action(does(({ environment, terminal }, word: string, batch: string | undefined, { limit }: { readonly limit: number }) =>
    (batch === undefined ? lineageOfRun(word, limit, environment, terminal) : lineageOfRow(word, batch, environment, terminal))));
