import pc from 'picocolors';
import type { VerifyRunInput } from '../activities/seeing-contract';
import type { Environment } from '../config/environment';
import { headlineOf, type VerifiedRun, type VerifiedStream, type VerifyReport } from '../domain/verify-report';
import { askAtLength } from './ask-worker';
import { serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';
import { wrapped } from './wrapped';
import { grouped, plural } from './words';

/** `verify RUN`: is there what the run loaded, or by a pipeline's name what all its runs loaded? Ends with 3 where something is wrong. */
export async function verify(word: string, source: boolean, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await serverForRun(environment, terminal);
  try {
    const report = await askAtLength<VerifyReport>(server.client, environment, { workflow: 'verifyRun', doing: `verifying "${word}"`, input: { word, source } satisfies VerifyRunInput }, 'verify');
    terminal.event('verified', { ...report });
    tell(report, terminal);
    return report.ok ? exitCodes.success : exitCodes.check;
  } finally {
    await server.close();
  }
}

function tell(report: VerifyReport, terminal: Terminal): void {
  tellRun(report, report.receiptProblems, terminal);
  for (const run of report.earlier) {
    terminal.say('');
    tellRun(run, [], terminal);
  }
  if (report.further > 0) terminal.say(`\nand ${plural(report.further, 'earlier run')} whose rows are as they were loaded`);
}

function tellRun({ run, streams }: VerifiedRun, receiptProblems: readonly string[], terminal: Terminal): void {
  const wrong = receiptProblems.length > 0 || streams.some(({ state, source }) => state === 'wrong' || source?.state === 'differs');
  const headline = headlineOf(streams, wrong);
  terminal.say(`${run}  ${wrong ? pc.red(headline) : pc.green(headline)}`);
  for (const problem of receiptProblems) terminal.say(wrapped(problem, '  receipt: '));
  for (const stream of streams) tellStream(stream, terminal);
}

const spoken: Readonly<Record<VerifiedStream['state'], string>> = {
  intact: pc.green('intact'), replaced: pc.green('replaced'), settled: pc.yellow('settled'), wrote_nothing: pc.green('wrote no rows'), rolled_back: pc.dim('rolled back'), wrong: pc.red('wrong'), not_published: pc.dim('not published'), not_asked: pc.yellow('cannot be asked'),
};

function tellStream(stream: VerifiedStream, terminal: Terminal): void {
  const { batches } = stream;
  const parts = [batches.intact > 0 && `${grouped(batches.intact)} intact`, batches.replaced > 0 && `${grouped(batches.replaced)} replaced since`, batches.wrong > 0 && `${grouped(batches.wrong)} wrong`].filter(Boolean);
  terminal.say(`\n${pc.bold(stream.stream)} → ${stream.to}  ${spoken[stream.state]}`);
  if (batches.total > 0 && stream.state !== 'wrote_nothing') terminal.say(`  ${plural(stream.rows, 'row')} loaded in ${batches.total === 1 ? '1 batch' : `${grouped(batches.total)} batches`}: ${parts.join(', ')}`);
  if (stream.replacedBy.length > 0) terminal.say(wrapped(stream.replacedBy.join(', '), '  replaced by run '));
  for (const { batch, position, messages } of stream.findings) {
    terminal.say(wrapped(`${batch === null ? `table ${stream.to}` : batch}${position ? ` (${position})` : ''}`, `  ${pc.red('✗')} `));
    for (const message of messages) terminal.say(wrapped(message, '      '));
  }
  if (batches.wrong > stream.findings.filter(({ batch }) => batch !== null).length) terminal.say('    … and further batches; --json lists the first 50');
  for (const note of stream.notes) terminal.say(wrapped(note, '  note: '));
  if (stream.source) tellSource(stream.source, terminal);
  if (stream.state === 'wrong') terminal.say(wrapped('to mend it, load these rows again: a run with "write: merge", "replace" or "delete_insert" brings back what was read', '  next: '));
}

function tellSource({ state, messages }: NonNullable<VerifiedStream['source']>, terminal: Terminal): void {
  const said = { same: pc.green('the source still has what was read'), differs: pc.red('the source no longer has what was read'), not_asked: pc.yellow('the source cannot be asked') }[state];
  terminal.say(`  ${said}`);
  for (const message of messages) terminal.say(wrapped(message, '      '));
}

export const addVerify: AddCommand = ({ command, does }) => command('verify', 'Prove that a run\'s rows are still there as they were loaded', 'millrace verify orders\n  millrace verify orders/run-2026-08-01T00:00:00Z --source --json')
  .argument('<run>', 'id of a run, or name of a pipeline for all its runs that rows are still of')
  .option('--source', 'compare with the source too, where it can still be asked; by name for the last run')
  .action(does(({ environment, terminal }, word: string, flags: { readonly source?: boolean }) => verify(word, flags.source === true, environment, terminal)));
