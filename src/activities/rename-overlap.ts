import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Destination, Sample, Source, Target } from '../connectors/connector';
import type { Column } from '../domain/column';
import type { Drift } from '../domain/contract';
import type { Control } from '../domain/control';
import type { Position } from '../domain/position';
import { pairsOf, type Overlap } from '../domain/rename';
import { formatNamed } from '../formats/registry';
import type { Engine, Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';

const sampledRows = 1000;
const unknown: Overlap = () => null;

interface Looking {
  readonly engine: Engine;
  openSource(): Promise<Source>;
  readonly destination: Destination;
  readonly target: Target;
  readonly position: Position | null;
  /** Of the source, with their own names, and what they are called inside Millrace. */
  readonly columns: readonly Column[];
  readonly names: readonly string[];
  readonly control: Control;
}

/** Compares values of new columns with those that missing ones had in the target. A hint for people: what cannot be looked at is left out. */
export async function overlapOf(looking: Looking, drift: readonly Drift[]): Promise<Overlap> {
  const pairs = pairsOf(drift).map(({ missing, fresh }) => ({ missing: missing.column, fresh: fresh.column }));
  if (!looking.destination.sample) return unknown;
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-'));
  try {
    return await compared(looking, pairs, folder);
  } catch (error) {
    if (looking.control.signal.aborted) throw error;
    return unknown;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compared(looking: Looking, pairs: readonly { readonly missing: string; readonly fresh: string }[], folder: string): Promise<Overlap> {
  const { engine, destination, target, columns, names, control } = looking;
  const missing = [...new Set(pairs.map((pair) => pair.missing))];
  const there = path.join(folder, 'target.csv');
  await destination.sample!(target, missing, sampledRows, there, control);
  const sample = await sampleSource(looking, folder);
  if (sample === null) return unknown;
  const own = new Map(names.map((name, index) => [name, columns[index]!.name]));
  const shares = new Map<string, number | null>();
  await engine.session(control.signal, async (session) => {
    await read(session, 'before_rename', { path: there, format: { name: 'copy_csv', options: { fields: missing.length } } }, missing.map((name) => ({ name, type: 'VARCHAR', nullable: true })));
    await read(session, 'after_rename', sample.files[0]!, sample.columns);
    for (const pair of pairs) shares.set(JSON.stringify([pair.missing, pair.fresh]), await shareOf(session, pair.missing, own.get(pair.fresh)!));
  });
  return (one, other) => shares.get(JSON.stringify([one, other])) ?? null;
}

async function shareOf(session: Session, missing: string, fresh: string): Promise<number | null> {
  const before = `SELECT ${quoteIdentifier(missing)} FROM before_rename WHERE ${quoteIdentifier(missing)} IS NOT NULL`;
  const values = `SELECT DISTINCT CAST(${quoteIdentifier(fresh)} AS VARCHAR) AS v FROM after_rename WHERE ${quoteIdentifier(fresh)} IS NOT NULL`;
  const { n, found } = await session.row(`SELECT count(*) AS n, count(*) FILTER (v IN (${before})) AS found FROM (${values})`);
  return n === '0' ? null : Number(found) / Number(n);
}

async function sampleSource({ openSource, target: { stream }, position, control }: Looking, folder: string): Promise<Sample | null> {
  const source = await openSource();
  try {
    const create = async (extension: string) => { const file = path.join(folder, `source.${extension}`); return { key: file, path: file }; };
    return (await source.sample?.({ stream, rows: sampledRows, position }, { create }, control)) ?? null;
  } finally {
    await source.close();
  }
}

const read = (session: Session, relation: string, { path: file, format }: Pick<Sample['files'][number], 'path' | 'format'>, columns: readonly Column[]) =>
  formatNamed(format.name).read(session, format.options, { path: file, columns, relation, ordinals: false, rejects: `${relation}_rejects` });
