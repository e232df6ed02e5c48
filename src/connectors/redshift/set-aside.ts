import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { QuarantineFile } from '../../domain/batch';
import type { Control } from '../../domain/control';
import { readBuffer } from '../../formats/sql';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import { fileList, type Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { ConnectorContext, PublishRequest } from '../connector';
import type { Redshift, Step } from './client';
import { fencedOff } from './fence';
import type { Names } from './names';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Refused } from './staged-files';
import { homeOfFence, removeBelow, roleSql } from './staging-places';

export interface Aside {
  /** Statements that make what `from` reads; they write to tables of the session alone. */
  readonly prepare: readonly Step[];
  /** The rest of a SELECT over the rows that are refused, alias `r` with the stream's columns. */
  readonly from: string;
  /** SQL over it for the position in the source, and for which of the reasons holds, a number from 0. */
  readonly position: string;
  readonly reason: string;
  readonly reasons: readonly { readonly column: string; readonly reason: string }[];
}

export interface AsideWork {
  readonly redshift: Redshift;
  readonly names: Names;
  readonly context: ConnectorContext;
  readonly request: PublishRequest;
  readonly control: Control;
  /** Rows that COPY refused when their batches were loaded. */
  readonly refused: readonly Refused[];
}

export interface SetAside {
  readonly rejected: number;
  /** Those of them that the target showed to be wrong. */
  readonly judged: number;
  readonly quarantine: readonly QuarantineFile[];
}

/**
 * Rows that only the target shows to be wrong, into a quarantine file, before the publish: a batch of the Data API cannot stop in the middle
 * to fetch them. They are unloaded, and the publish makes sure that it refuses as many. With them, what COPY refused.
 */
export async function setAside(work: AsideWork, aside: Aside | null): Promise<SetAside> {
  const { redshift, names, context, request, control, refused } = work;
  if (aside === null && refused.length === 0) return { rejected: 0, judged: 0, quarantine: [] };
  const store = openObjectStore(redshift.config.staging, 'destination');
  const folder = `${homeOfFence(redshift.config, names, request.plan.fence)}/aside-${randomUUID().slice(0, 13)}/`;
  const nullMark = `null ${randomUUID()}`;
  try {
    if (aside) await unloadJudged(work, aside, `${store.name}/${folder}`, nullMark);
    return await context.engine.session(control.signal, async (session) => {
      const csv: string[] = [];
      for await (const { key, size } of store.list(folder)) if (size > 0) csv.push(await fetched(session, store, key, control));
      const parquet: string[] = [];
      for (const { key } of refused) parquet.push(await fetched(session, store, key, control));
      if (csv.length + parquet.length === 0) return { rejected: 0, judged: 0, quarantine: [] };
      const judged = csv.length === 0 ? 0 : Number((await session.row(`SELECT count(*) AS n FROM (${judgedRows(work, aside!, csv, nullMark)})`))['n']);
      const parts = [...(csv.length > 0 ? [judgedRows(work, aside!, csv, nullMark)] : []), ...(parquet.length > 0 ? [`SELECT * FROM read_parquet(${fileList(parquet)})`] : [])];
      const place = await request.quarantine.create();
      const rejected = await session.changed(`COPY (${parts.join(' UNION ALL ')} ORDER BY 1) TO ${quoteDuckLiteral(place.path)} (FORMAT parquet, COMPRESSION zstd)`);
      return { rejected, judged, quarantine: [await request.quarantine.seal(place.key, rejected)] };
    });
  } finally {
    await removeBelow(redshift.config, folder).catch(() => undefined);
    store.close();
  }
}

async function unloadJudged({ redshift, names, request, control }: AsideWork, aside: Aside, to: string, nullMark: string): Promise<void> {
  const { fence, version, target } = request.plan;
  const fields = [`CAST(${aside.position} AS VARCHAR)`, `CAST(${aside.reason} AS VARCHAR)`, ...target.map(({ name }) => `CAST(r.${quoteIdentifier(name)} AS VARCHAR)`)];
  const unload = `UNLOAD (${quoteLiteral(`SELECT ${fields.join(', ')} ${aside.from}`)}) TO ${quoteLiteral(to)} IAM_ROLE ${roleSql(redshift.config)} FORMAT AS CSV NULL AS ${quoteLiteral(nullMark)} PARALLEL OFF`;
  await redshift.transaction({ doing: `looking for rows that "${names.label}" refuses`, signal: control.signal, steps: [{ sql: `LOCK ${names.lock}` }, fencedOff(names, fence, version), ...aside.prepare, { sql: unload }] });
}

async function fetched(session: Session, store: ObjectStore, key: string, { signal }: Control): Promise<string> {
  const file = path.join(session.scratch(), `aside-${randomUUID().slice(0, 13)}`);
  await store.download(key, file, { signal });
  return file;
}

/** As quarantine has them. */
function judgedRows({ names, request: { plan } }: AsideWork, { reasons }: Aside, files: readonly string[], nullMark: string): string {
  const data = plan.target.map(({ name }) => name);
  const columns = ['position', 'reason', ...data.map((_name, index) => `c${index}`)].map((name) => `${quoteDuck(name)}: 'VARCHAR'`).join(', ');
  const raw = data.map((name, index) => `${quoteDuckLiteral(name)}, c${index}`);
  const texts = reasons.map((fault, index) => `WHEN '${index}' THEN ${quoteDuckLiteral(JSON.stringify([fault]))}`);
  return `SELECT CAST(position AS BIGINT) AS position, 'publish' AS step, CASE reason ${texts.join(' ')} END AS reasons, CAST(json_object(${raw.join(', ')}) AS VARCHAR) AS raw, ${quoteDuckLiteral(names.label)} AS origin, CAST(NULL AS BIGINT) AS line, true AS derived ` +
    `FROM read_csv(${fileList(files)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = ${quoteDuckLiteral(nullMark)}, columns = {${columns}}, ${readBuffer})`;
}
