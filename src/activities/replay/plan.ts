import type { Destination } from '../../connectors/connector';
import type { Claim } from '../../domain/claim';
import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { ConfigurationError } from '../../domain/errors';
import { runPath, type RunRef } from '../../domain/ids';
import type { Json } from '../../domain/json';
import type { StreamSpec } from '../../domain/pipeline';
import type { Partition, Plan, SourcePlan } from '../../domain/plan';
import { distinctKeys, leftOutChecks, type ReplayedBatch, type ReplayPlan, type ReplaySelection } from '../../domain/replay';
import { selected } from '../../stores/quarantine-entries';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { openArtefacts } from '../artefacts';
import type { Dependencies } from '../dependencies';
import { familyOf, wasPublished, type Family } from './family';
import { openFamily, stillOpen } from './marks';
import { quarantinedFiles, quarantineFolder, type QuarantinedFile } from './quarantined';

export interface ReplayInput {
  readonly dependencies: Dependencies;
  readonly control: Control;
  readonly run: RunRef;
  readonly selection: ReplaySelection;
  /** As the pipeline says it, not as a replay writes it. */
  readonly stream: StreamSpec;
  readonly claim: Claim;
  readonly destination: Destination;
}

/**
 * A plan whose partitions are the open entries of a quarantine, one for each batch that had rejected some. Made under the claim: no
 * earlier replay can publish any more, so an entry that none has published is loaded by this one or by nobody.
 */
export async function planReplay(input: ReplayInput): Promise<{ readonly source: SourcePlan; readonly replay: ReplayPlan }> {
  const { dependencies: { staging, engine }, control, run, stream, claim, destination } = input;
  const family = await familyOf(staging, run.replay!.of);
  const original = family && await openArtefacts(staging).plan.find(family.original.run, stream.stream);
  if (!original) throw new ConfigurationError(`replaying stream "${stream.stream}" of run "${run.replay!.of}": staging has no plan of it`, { run: run.replay!.of });
  const { earlier, ledger } = await askLedger(input, family, original);
  refuseChanged(input, original, earlier);
  return engine.session(control.signal, async (session) => {
    const { files } = await openFamily(session, staging, family, stream.stream);
    const { entries, groups, derived } = await choose(session, input);
    const sealed = await staging.seal(entries.key);
    const rows = groups.reduce((sum, group) => sum + group.rows, 0);
    const runs = [family.original, ...family.replays].map((document) => runPath(document.run));
    const keys = distinctKeys(stream);
    if (keys.length > 0 && !destination.keepsDistinct) throw new ConfigurationError(`replaying stream "${stream.stream}": its rows are distinct by ${keys[0]!.columns.join(', ')}, and "${stream.to}" cannot be asked whether a row with the same is there; mend the source and run the pipeline again`, { stream: stream.stream });
    return {
      source: {
        columns: typed(original.columns, stream), key: original.key, window: null, position: claim.position ?? { cursor: null }, files: [], reloads: [],
        partitions: groups.map((group, ordinal) => partitionOf(group, ordinal, files, ledger)), notes: notesOf(stream, rows, derived),
      },
      replay: { entries: { ...sealed, rows }, taken: sumsOf(groups), distinct: keys.length > 0 ? { keys, runs } : null },
    };
  });
}

interface Ledger {
  /** Paths of earlier replays that have published. */
  readonly earlier: readonly string[];
  /** Batch id → the ledger number that its rows are as old as. */
  readonly ledger: ReadonlyMap<string, string>;
}

export async function askLedger({ dependencies: { staging }, destination, run, stream }: ReplayInput, family: Family, original: Plan): Promise<Ledger> {
  const artefacts = openArtefacts(staging);
  const target = { run, stream };
  const ask = async (ids: readonly string[]) => (await destination.ledger?.(target, ids)) ?? [];
  if (!(await wasPublished(staging, family.original.run, original, ask))) throw new ConfigurationError(`replaying stream "${stream.stream}" of run "${run.replay!.of}": that run never published it, so a later run reads its rows again; run the pipeline`, { run: run.replay!.of });
  const earlier: string[] = [];
  for (const document of family.replays.filter((one) => runPath(one.run) !== runPath(run))) {
    const plan = await artefacts.plan.find(document.run, stream.stream);
    if (plan && await wasPublished(staging, document.run, plan, ask)) earlier.push(runPath(document.run));
  }
  const ledger = new Map<string, string>();
  for (const { files } of await Promise.all([family.original, ...family.replays].map(async (document) => ({ files: await quarantinedFiles(staging, document.run, stream.stream) })))) {
    const ids = [...new Set(files.flatMap(({ batch }) => batch ?? []))];
    for (const { batchId, batchNumber, original: older } of await ask(ids)) ledger.set(batchId, older ?? batchNumber);
  }
  return { earlier, ledger };
}

/** Rows are added to what the original run brought; where a later run has put something else there, they no longer belong to it. */
export function refuseChanged({ run, stream, claim }: ReplayInput, original: Plan, earlier: readonly string[]): void {
  const where = `replaying stream "${stream.stream}" of run "${run.replay!.of}"`;
  const takesAway = stream.write === 'replace' || stream.write === 'delete_insert';
  if (takesAway && claim.version !== original.version + 1 + earlier.length) {
    throw new ConfigurationError(`${where}: a later run has published since, and ${stream.write} has put its own rows into "${stream.to}"; what it rejected can be replayed, these rows cannot`, { stream: stream.stream });
  }
  if (stream.write !== 'append' || stream.changedFile === 'follow') return;
  const now = new Map(claim.files.map(({ path, version }) => [path, version]));
  const changed = original.files.find(({ path, version }) => now.has(path) && now.get(path) !== version);
  if (changed) throw new ConfigurationError(`${where}: file "${changed.path}" was read again since, and its earlier rows were taken out; replay what that run rejected`, { stream: stream.stream });
}

interface Group {
  readonly run: string;
  readonly place: string;
  readonly rows: number;
}

/** The entries in the order that they were rejected in, numbered by the partition they become. */
async function choose(session: Session, input: ReplayInput): Promise<{ readonly entries: { readonly key: string }; readonly groups: readonly Group[]; readonly derived: number }> {
  await session.run(`CREATE TEMP TABLE chosen AS SELECT run, place, row, derived AND NOT edited AS derived FROM entries e WHERE ${chosenSql(input)} AND ${stillOpen}`);
  const { n: derived } = await session.row('SELECT count(*) AS n FROM chosen WHERE derived');
  await session.run('CREATE TEMP TABLE parts AS SELECT *, row_number() OVER (ORDER BY run, place) - 1 AS part FROM (SELECT run, place, count(*) AS n FROM chosen WHERE NOT derived GROUP BY run, place)');
  const entries = await writeEntries(session, input, 'SELECT p.part, row_number() OVER (PARTITION BY p.part ORDER BY c.row) - 1 AS ordinal, c.run, c.place, c.row FROM chosen c JOIN parts p USING (run, place) WHERE NOT c.derived ORDER BY 1, 2');
  const groups = (await session.rows('SELECT run, place, n FROM parts ORDER BY part')).map((row) => ({ run: row['run']!, place: row['place']!, rows: Number(row['n']) }));
  return { entries, groups, derived: Number(derived) };
}

/** Condition over `entries e` for what the person chose. */
export const chosenSql = ({ selection }: ReplayInput): string => `${selection.from === null ? 'true' : `e.run = ${quoteLiteral(selection.from)}`} AND ${selected(selection)}`;

/** Which entries the replay takes: what became of each is told from it. */
export async function writeEntries(session: Session, { dependencies: { staging }, run, stream }: ReplayInput, select: string): Promise<{ readonly key: string }> {
  const { key, path } = await staging.create(`${quarantineFolder(run, stream.stream)}/entries`, 'parquet');
  await session.run(`COPY (${select}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  return { key };
}

function partitionOf({ run, place, rows }: Group, ordinal: number, files: readonly QuarantinedFile[], ledger: ReadonlyMap<string, string>): Partition {
  const own = files.filter((one) => one.run === run && one.place === place);
  const detail: ReplayedBatch = { run, place, files: own.map(({ file }) => file), original: ledger.get(own[0]?.batch ?? '') ?? null };
  return { ordinal, label: `${rows} rejected by ${run}, ${place}`, detail: detail as unknown as Json, estimatedRows: rows };
}

export function sumsOf(groups: readonly Group[]): ReplayPlan['taken'] {
  const sums = new Map<string, number>();
  for (const { run, rows } of groups) sums.set(run, (sums.get(run) ?? 0) + rows);
  return [...sums].map(([run, rows]) => ({ run, rows }));
}

/** `types:` of another version of the pipeline count here too. */
const typed = (columns: readonly Column[], { types }: StreamSpec): readonly Column[] => columns.map((column) => (types[column.name] ? { ...column, type: types[column.name]! } : column));

function notesOf(stream: StreamSpec, rows: number, derived: number): readonly string[] {
  const left = leftOutChecks(stream);
  return [
    ...(rows === 0 ? ['there is no open row to replay'] : []),
    ...(derived > 0 ? [`${derived} ${derived === 1 ? 'row was' : 'rows were'} left in quarantine: a step had made ${derived === 1 ? 'it' : 'them'} of other rows, so there is no record of the source to start from; edit or discard ${derived === 1 ? 'it' : 'them'}`] : []),
    ...(left.length > 0 ? [`not checked, since some rows cannot answer for the whole: ${left.join(', ')}`] : []),
  ];
}
