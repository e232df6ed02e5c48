import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { QuarantineFile } from '../../domain/batch';
import type { Control } from '../../domain/control';
import { openObjectStore } from '../../stores/object-store';
import { fileList } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { ConnectorContext, PublishRequest } from '../connector';
import type { Redshift, Step } from './client';
import { fencedOff } from './fence';
import type { Names } from './names';
import { quoteIdentifier, quoteLiteral } from './quote';
import { homeOfFence, roleSql } from './staged-files';

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
}

/**
 * Rows that only the target shows to be wrong, into a quarantine file, before the publish: a batch of the Data API cannot stop in the middle
 * to fetch them. They are unloaded, and the publish makes sure that it refuses as many.
 */
export async function setAside({ redshift, names, context, request, control }: AsideWork, aside: Aside): Promise<{ readonly rejected: number; readonly quarantine: readonly QuarantineFile[] }> {
  const { config } = redshift;
  const store = openObjectStore(config.staging, 'destination');
  const folder = `${homeOfFence(config, names, request.plan.fence)}/aside-${randomUUID().slice(0, 13)}/`;
  const data = request.plan.target.map(({ name }) => name);
  const nullMark = `null ${randomUUID()}`;
  const fields = [`CAST(${aside.position} AS VARCHAR)`, `CAST(${aside.reason} AS VARCHAR)`, ...data.map((name) => `CAST(r.${quoteIdentifier(name)} AS VARCHAR)`)];
  const unload = `UNLOAD (${quoteLiteral(`SELECT ${fields.join(', ')} ${aside.from}`)}) TO ${quoteLiteral(`${store.name}/${folder}`)} IAM_ROLE ${roleSql(config)} FORMAT AS CSV NULL AS ${quoteLiteral(nullMark)} PARALLEL OFF`;
  try {
    await redshift.transaction({ doing: `looking for rows that "${names.label}" refuses`, signal: control.signal, steps: [{ sql: `LOCK ${names.lock}` }, fencedOff(names, request.plan.fence, request.plan.version), ...aside.prepare, { sql: unload }] });
    return await context.engine.session(control.signal, async (session) => {
      const files: string[] = [];
      for await (const { key, size } of store.list(folder)) {
        if (size === 0) continue;
        files.push(path.join(session.scratch(), `${files.length}.csv`));
        await store.download(key, files.at(-1)!, { signal: control.signal });
      }
      if (files.length === 0) return { rejected: 0, quarantine: [] };
      const columns = ['position', 'reason', ...data.map((_name, index) => `c${index}`)].map((name) => `${quoteDuck(name)}: 'VARCHAR'`).join(', ');
      const raw = data.map((name, index) => `${quoteDuckLiteral(name)}, c${index}`);
      const reason = aside.reasons.map((fault, index) => `WHEN '${index}' THEN ${quoteDuckLiteral(JSON.stringify([fault]))}`);
      const place = await request.quarantine.create();
      const rejected = await session.changed(
        `COPY (SELECT CAST(position AS BIGINT) AS position, 'publish' AS step, CASE reason ${reason.join(' ')} END AS reasons, CAST(json_object(${raw.join(', ')}) AS VARCHAR) AS raw, ${quoteDuckLiteral(names.label)} AS origin, CAST(NULL AS BIGINT) AS line ` +
        `FROM read_csv(${fileList(files)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = ${quoteDuckLiteral(nullMark)}, columns = {${columns}}) ORDER BY 1) TO ${quoteDuckLiteral(place.path)} (FORMAT parquet, COMPRESSION zstd)`);
      return { rejected, quarantine: [await request.quarantine.seal(place.key, rejected)] };
    });
  } finally {
    const left: string[] = [];
    for await (const { key } of store.list(folder)) left.push(key);
    await store.remove(left).catch(() => undefined);
    store.close();
  }
}
