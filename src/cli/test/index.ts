import path from 'node:path';
import pc from 'picocolors';
import { connectionsFileOf } from '../../config/connections';
import type { Environment } from '../../config/environment';
import { loadPipeline } from '../../config/load-pipeline';
import { loadTests, testsFileOf } from '../../config/pipeline-tests';
import { resolveReferences } from '../../config/secrets';
import { ConfigurationError } from '../../domain/errors';
import type { AddCommand } from '../door';
import { exitCodes, type ExitCode } from '../exit-codes';
import { withSession } from '../open-store';
import { screenWidth, wrapped } from '../plain-table';
import type { Terminal } from '../terminal';
import { plural } from '../words';
import type { Difference } from './compare';
import { runTest, type TestResult } from './run-test';

export interface TestFlags {
  readonly filter?: string;
}

/** `test FILE…`: the examples that stand beside pipelines. Needs no server, no connection and no network; writes nothing. */
export async function test(files: readonly string[], { filter }: TestFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    const { streams } = await loadPipeline(file);
    const tests = (await loadTests(file, streams)).filter(({ name }) => filter === undefined || name.toLowerCase().includes(filter.toLowerCase()));
    terminal.say(`${pc.bold(file)}${tests.length === 0 ? `  no tests; write some under "tests:", there or in ${testsFileOf(file)}` : ''}`);
    for (const one of tests) {
      const result = await withSession(environment, (session) => runTest({
        session, test: one, stream: streams.find(({ stream }) => stream === one.stream)!, connectionsFile: connectionsFileOf(file),
        resolveSecret: async (connections, reference) => String(await resolveReferences(reference, path.dirname(connections), 'steps')),
      }));
      terminal.event('test', { file, ...result });
      tell(result, terminal);
      if (result.passed) passed += 1;
      else failed += 1;
    }
  }
  if (passed + failed === 0 && filter !== undefined) throw new ConfigurationError(`running tests: none has "${filter}" in its name`);
  terminal.event('tested', { passed, failed });
  terminal.say(`\n${plural(passed, 'test')} passed${failed > 0 ? `, ${pc.red(`${failed} failed`)}` : ''}`);
  return failed > 0 ? exitCodes.check : exitCodes.success;
}

function tell({ name, at, passed, problem, columns, differences, rejects }: TestResult, terminal: Terminal): void {
  terminal.say(`  ${passed ? pc.green('✓') : pc.red('✗')} ${name}`);
  if (passed) return;
  terminal.say(`    ${pc.dim(at)}`);
  for (const line of [...(problem === null ? [] : [problem]), ...rejects]) wrapped(line, screenWidth() - 6).forEach((part, index) => terminal.say(`    ${index === 0 ? '' : '  '}${part}`));
  for (const difference of differences) tellDifference(difference, columns, terminal);
}

const spoken: Readonly<Record<Difference['kind'], string>> = { missing: 'expected, and not there:', unexpected: 'there, and not expected:', differs: 'another than expected:' };

/** One row; of one that differs, the columns that do, one a line. */
function tellDifference({ kind, expected, actual }: Difference, columns: readonly string[], terminal: Terminal): void {
  terminal.say(`    ${spoken[kind]}`);
  const width = Math.max(...columns.map((name) => name.length), 1);
  columns.forEach((name, index) => {
    const [wanted, found] = [expected?.[index], actual?.[index]];
    if (kind === 'missing') terminal.say(`      ${pc.red(`- ${name.padEnd(width)}  ${valueText(wanted)}`)}`);
    else if (kind === 'unexpected') terminal.say(`      ${pc.green(`+ ${name.padEnd(width)}  ${valueText(found)}`)}`);
    else if (wanted === found) terminal.say(pc.dim(`        ${name.padEnd(width)}  ${valueText(found)}`));
    else terminal.say(`      ${pc.red(`- ${name.padEnd(width)}  ${valueText(wanted)}`)}\n      ${pc.green(`+ ${name.padEnd(width)}  ${valueText(found)}`)}`);
  });
}

const valueText = (value: string | null | undefined): string => (value === null || value === undefined ? 'NULL' : JSON.stringify(value).slice(1, -1) === value && value.trim() === value && value !== '' ? value : JSON.stringify(value));

export const addTest: AddCommand = ({ command, does }) => command('test', 'Run the examples that stand beside pipelines; needs no server', 'millrace test pipelines/movies.yaml')
  .argument('<file...>', 'pipeline files')
  .option('--filter <text>', 'only tests with this in their name')
  .action(does(({ environment, terminal }, files: readonly string[], flags: TestFlags) => test(files, flags, environment, terminal)));
