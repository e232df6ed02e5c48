import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Environment } from '../../config/environment';
import { pathTime, slug } from '../../domain/ids';
import type { AddCommand } from '../door';
import { exitCodes, type ExitCode } from '../exit-codes';
import { findOneStored, openStore, withSession } from '../open-store';
import type { Terminal } from '../terminal';
import { gatherFacts } from './facts';
import { pageOf } from './page';
import { openPlots } from './plots';

/** `report RUN`: one HTML page of a run, from what lies in staging. */
export async function report(word: string, out: string | undefined, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const staging = await openStore(environment, word);
  const stored = await findOneStored(staging, word);
  const facts = await withSession(environment, (session) => gatherFacts(session, staging, stored));
  const { run } = stored;
  const file = path.resolve(out ?? `${slug(run.pipeline)}-${pathTime(run.logicalDate)}${run.generation > 1 ? `-${run.generation}` : ''}.html`);
  const page = pageOf(facts, await openPlots());
  await writeFile(file, page);
  terminal.event('report', { run: run.workflowId, file, bytes: Buffer.byteLength(page) });
  terminal.say(`wrote ${path.relative(process.cwd(), file) || file}; open it in a browser`);
  return exitCodes.success;
}

export const addReport: AddCommand = ({ command, does }) => command('report', 'Write one HTML page about a run: balance, steps, rejects, timeline, throughput', 'millrace report orders --out orders.html')
  .argument('<run>', 'id of a run, or name of a pipeline for its newest')
  .option('--out <file>', 'file to write (default: named for the run, in this folder)')
  .action(does(({ environment, terminal }, word: string, flags: { readonly out?: string }) => report(word, flags.out, environment, terminal)));
