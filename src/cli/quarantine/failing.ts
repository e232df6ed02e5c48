import pc from 'picocolors';
import { openArtefacts } from '../../activities/artefacts';
import type { Environment } from '../../config/environment';
import type { RunRef } from '../../domain/ids';
import type { StagingStore } from '../../stores/staging';
import { quoteLiteral } from '../../transforms/quote';
import { withSession } from '../open-store';
import { screenWidth } from '../plain-table';
import type { Terminal } from '../terminal';
import { fitted } from '../words';
import { runName } from './common';

interface Showing {
  readonly staging: StagingStore;
  readonly run: RunRef;
  readonly streams: readonly string[];
  readonly limit: number;
  readonly step: string | undefined;
}

/** Some of the rows that fail checks which block or warn: they are not set aside, and no replay takes them. Returns how many were shown. */
export async function showFailing(environment: Environment, terminal: Terminal, { staging, run, streams, limit, step }: Showing): Promise<number> {
  let shown = 0;
  for (const stream of streams) {
    const samples = (await openArtefacts(staging).report.find(run, stream))?.samples;
    const local = samples && shown < limit ? await staging.fetch(samples).catch(() => null) : null;
    if (local === null) continue;
    const filter = step === undefined ? '' : ` WHERE contains(name, ${quoteLiteral(step)})`;
    const rows = await withSession(environment, (session) => session.rows(`SELECT name, raw FROM read_parquet(${quoteLiteral(local)})${filter} ORDER BY check_index LIMIT ${limit - shown}`));
    if (rows.length > 0) terminal.say(`${pc.bold(stream)}  ${pc.dim('some of the rows that fail checks; they are not set aside')}`);
    for (const row of rows) {
      terminal.event('failing', { run: runName(run), stream, check: row['name']!, raw: row['raw']! });
      terminal.say(`  ${pc.yellow(`check ${row['name']!}`)}\n    ${pc.dim(fitted(row['raw']!.replace(/\s/g, ' '), screenWidth() - 4))}`);
    }
    shown += rows.length;
  }
  return shown;
}
