import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pc from 'picocolors';
import type { CleanReport } from '../activities/clean-contract';
import type { Environment } from '../config/environment';
import { needServer } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';
import { plural, spokenBytes } from './words';

/** `clean`: one visit of the janitor, and what it found. */
export async function clean(dryRun: boolean, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const { queue } = await janitorOf(environment);
    const report = (await server.client.workflow.execute('cleanUp', { workflowId: `millrace/clean-${Date.now().toString(36)}-${process.pid}`, taskQueue: queue, args: [{ dryRun }], staticSummary: 'clean' })) as CleanReport;
    return tell(report, terminal);
  } finally {
    await server.close();
  }
}

/** Each staging has a janitor of its own, on the queue of the workers that share it; without a staging here, any worker's. */
export async function janitorOf({ home, taskQueue }: Environment): Promise<{ readonly scheduleId: string; readonly queue: string }> {
  const id = await readFile(path.join(home, 'staging', 'staging-id'), 'utf8').then((text) => text.trim(), () => null);
  return id === null ? { scheduleId: 'millrace/clean', queue: taskQueue } : { scheduleId: `millrace/clean-${id}`, queue: `${taskQueue}.${id}` };
}

function tell(report: CleanReport, terminal: Terminal): ExitCode {
  terminal.event('cleaned', { ...report });
  const would = report.dryRun ? 'would remove' : 'removed';
  for (const { pipeline, files, bytes, uploads = 0, quarantineFiles, quarantineBytes, unsettled, settled, tables, notes } of report.pipelines) {
    const lines = [
      ...(files > 0 ? [`${would} ${plural(files, 'staged file')} of ended runs, ${spokenBytes(bytes)}`] : []),
      ...(uploads > 0 ? [`${report.dryRun ? 'would end' : 'ended'} ${plural(uploads, 'upload')} that ${uploads === 1 ? 'was' : 'were'} cut off`] : []),
      ...(quarantineFiles > 0 ? [`${would} ${plural(quarantineFiles, 'quarantine file')}, ${spokenBytes(quarantineBytes)}`] : []),
      ...(report.dryRun ? unsettled.map((run) => `would settle what ${run} left in the destination`) : settled.map((stream) => `settled in the destination: ${stream}`)),
      ...tables.map((table) => `${report.dryRun ? 'would drop' : 'dropped'} hidden table ${table}`),
      ...notes.map((note) => pc.dim(`left alone: ${note}`)),
    ];
    terminal.say(`${pc.bold(pipeline)}${lines.length === 0 ? '  nothing to do' : ''}`);
    for (const line of lines) terminal.say(`  ${line}`);
  }
  if (report.pipelines.length === 0) terminal.say('staging holds no runs');
  return exitCodes.success;
}


export const addClean: AddCommand = ({ command, does }) => command('clean', 'Remove what ended runs left in staging, and settle it in the destination', 'millrace clean --dry-run')
  .option('--dry-run', 'only tell')
  .action(does(({ environment, terminal }, { dryRun }: { readonly dryRun?: boolean }) => clean(dryRun === true, environment, terminal)));
