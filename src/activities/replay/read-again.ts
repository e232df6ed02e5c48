import type { BackfillWindow } from '../../domain/backfill';
import { ConfigurationError } from '../../domain/errors';
import type { Plan } from '../../domain/plan';
import type { ReplayPlan } from '../../domain/replay';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { openArtefacts } from '../artefacts';
import { familyOf } from './family';
import { openFamily, stillOpen } from './marks';
import { askLedger, chosenSql, refuseChanged, sumsOf, writeEntries, type ReplayInput } from './plan';

/** What a replay reads from the source instead of from quarantine. */
export interface ReadingAgain {
  readonly replay: ReplayPlan;
  /** The whole periods that its run read; null: everything. */
  readonly range: BackfillWindow | null;
  readonly notes: readonly string[];
}

/**
 * A step whose result depends on all rows gives nothing right over some of them: the rows that its run read are read again, whole, and written as
 * the stream is written, so that each group comes to stand once with everything in it. All open entries are among them. What a person has
 * done to single entries is not in the source, so with it the replay is refused.
 */
export async function planReadingAgain(input: ReplayInput): Promise<ReadingAgain> {
  const { dependencies: { staging, engine }, control, run, stream } = input;
  const where = `replaying stream "${stream.stream}" of run "${run.replay!.of}"`;
  const family = await familyOf(staging, run.replay!.of);
  const original = family && await openArtefacts(staging).plan.find(family.original.run, stream.stream);
  if (!original) throw new ConfigurationError(`${where}: staging has no plan of it`, { run: run.replay!.of });
  const { earlier } = await askLedger(input, family, original);
  if (stream.mode === 'full') refuseChanged(input, original, earlier);
  return engine.session(control.signal, async (session) => {
    await openFamily(session, staging, family, stream.stream);
    await refuseSome(session, input, where);
    const range = stream.mode === 'full' ? null : await periodsOf(session, input, original, where);
    await session.run(`CREATE TEMP TABLE again AS SELECT run, place, row FROM entries e WHERE ${stillOpen}`);
    const { key } = await writeEntries(session, input, 'SELECT NULL::BIGINT AS part, NULL::BIGINT AS ordinal, run, place, row FROM again ORDER BY ALL');
    const groups = (await session.rows('SELECT run, count(*) AS n FROM again GROUP BY run ORDER BY run')).map((row) => ({ run: row['run']!, place: '', rows: Number(row['n']) }));
    const rows = groups.reduce((sum, group) => sum + group.rows, 0);
    return {
      range, replay: { entries: { ...(await staging.seal(key)), rows }, taken: sumsOf(groups), distinct: null, readsSource: true },
      notes: [`its steps need all rows: ${range === null ? 'everything' : `${range.from} to ${range.to}`} was read again, with the ${rows} open ${rows === 1 ? 'row' : 'rows'}`],
    };
  });
}

async function refuseSome(session: Session, input: ReplayInput, where: string): Promise<void> {
  const count = async (condition: string): Promise<number> => Number((await session.row(`SELECT count(*) AS n FROM entries e WHERE ${condition}`))['n']);
  const open = await count(stillOpen);
  const chosen = await count(`${stillOpen} AND ${chosenSql(input)}`);
  if (chosen < open) throw new ConfigurationError(`${where}: its steps need all rows, so all are read again: it takes the ${open} open rows and not ${chosen} of them; leave out the filter, and name the run that rejected them first`);
  const edited = await count(`${stillOpen} AND edited`);
  if (edited > 0) throw new ConfigurationError(`${where}: its steps need all rows, so they are read again from the source, which does not have the ${edited} ${edited === 1 ? 'record' : 'records'} as you mended ${edited === 1 ? 'it' : 'them'}; mend them there, or the rule, and run the pipeline again`);
  const discarded = Number((await session.row('SELECT count(*) AS n FROM discarded'))['n']);
  if (discarded > 0) throw new ConfigurationError(`${where}: its steps need all rows, so they are read again from the source, and the ${discarded} discarded ${discarded === 1 ? 'row' : 'rows'} with them; leave those out by a "filter" step, and run the pipeline again`);
}

/** The periods of UTC that hold all that the run read. Rows without a cursor lie in none. */
async function periodsOf(session: Session, { stream }: ReplayInput, { window, names, columns }: Plan, where: string): Promise<BackfillWindow> {
  const period = stream.lookback as string;
  if (!window) throw new ConfigurationError(`${where}: its plan tells no window of "${stream.cursor}"; run the pipeline again`);
  const cursor = names[columns.findIndex(({ name }) => name === window.cursor)] ?? window.cursor;
  const { n } = await session.row(`SELECT count(*) AS n FROM entries e WHERE ${stillOpen} AND json_extract_string(CAST(e.raw AS JSON), ${quoteLiteral(pointerTo(cursor))}) IS NULL`);
  if (n !== '0') throw new ConfigurationError(`${where}: ${n} of the open rows have no "${cursor}" and lie in no ${period} that could be read again; mend them in the source`);
  const instant = (sql: string): string => `strftime(${sql}, '%Y-%m-%dT%H:%M:%SZ')`;
  const upper = `CAST(CAST(${quoteLiteral(window.upper)} AS TIMESTAMPTZ) AS TIMESTAMP)`;
  const lower = `date_trunc('${period}', CAST(CAST(${quoteLiteral(window.lower ?? '0001-01-01')} AS TIMESTAMPTZ) AS TIMESTAMP))`;
  const row = await session.row(`SELECT ${instant(lower)} AS lo, ${instant(`date_trunc('${period}', ${upper} - INTERVAL 1 MICROSECOND) + INTERVAL 1 ${period}`)} AS hi`);
  return { from: row['lo']!, to: row['hi']! };
}

const pointerTo = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
