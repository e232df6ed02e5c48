import { positionColumn, positionsPerPartition, type Column } from '../domain/column';
import type { LandingFile } from '../domain/manifest';
import type { Plan } from '../domain/plan';
import { ordinalColumn } from '../formats/format';
import { formatNamed } from '../formats/registry';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';

interface Landed {
  readonly rejected: number;
  /** Names of reject tables with the position of their file's first record. */
  readonly rejects: readonly { readonly table: string; readonly base: string; readonly origin: string }[];
  readonly origins: readonly { readonly base: string; readonly origin: string }[];
}

interface LandingRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  readonly plan: Plan;
  readonly files: readonly LandingFile[];
  readonly ordinal: number;
  readonly positions: boolean;
  readonly careful: boolean;
  /** The files are hoped to be in order: reading the view fails with UnreadableValueError where one is not. */
  readonly trusting?: boolean;
  /** Name of the view. */
  readonly into?: string;
}

/** Creates a view, `input` unless named otherwise: the plan's columns under their names and, if asked for, positions in source order. */
export async function openLanding({ session, staging, plan, files, ordinal, positions, careful, trusting = false, into = 'input' }: LandingRequest): Promise<Landed> {
  const selects: string[] = [];
  const rejects: Landed['rejects'][number][] = [];
  const origins: Landed['origins'][number][] = [];
  let before = 0n;
  let rejected = 0;
  for (const [index, file] of files.entries()) {
    const relation = into === 'input' ? `landing_${index}` : `${into}_${index}`;
    const { rejects: some } = await formatNamed(file.format.name).read(session, file.format.options, { path: await staging.fetch(file), columns: plan.columns, relation, ordinals: positions, careful, trusting, rejects: `${relation}_rejects` });
    const base = String(BigInt(ordinal) * BigInt(positionsPerPartition) + before);
    const count = some ? Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(`${relation}_rejects`)}`))['n']) : 0;
    if (count > 0) rejects.push({ table: `${relation}_rejects`, base, origin: file.origin });
    origins.push({ base, origin: file.origin });
    selects.push(`SELECT ${plan.columns.map(({ name }, at) => `${quoteIdentifier(name)} AS ${quoteIdentifier(plan.names[at]!)}`).join(', ')}${positions ? `, ${base} + ${quoteIdentifier(ordinalColumn)} AS ${quoteIdentifier(positionColumn)}` : ''} FROM ${quoteIdentifier(relation)}`);
    before += BigInt(file.rows);
    rejected += count;
  }
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(into)} AS ${selects.length > 0 ? selects.join(' UNION ALL ') : emptyInput(plan, positions)}`);
  return { rejected, rejects, origins };
}

const emptyInput = (plan: Plan, positions: boolean): string =>
  `SELECT ${plan.columns.map((column: Column, at) => `CAST(NULL AS ${column.type}) AS ${quoteIdentifier(plan.names[at]!)}`).join(', ')}${positions ? `, CAST(NULL AS BIGINT) AS ${quoteIdentifier(positionColumn)}` : ''} WHERE false`;
