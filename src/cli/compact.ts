import pc from 'picocolors';
import type { CompactPipelineInput, StreamCompacted } from '../activities/compact-contract';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { unknownWord } from '../config/problems';
import { sizeOf } from '../config/size';
import { ConfigurationError } from '../domain/errors';
import { askAtLength } from './ask-worker';
import { serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';
import { grouped, plural, spokenBytes } from './words';

interface CompactFlags {
  readonly stream?: string;
  readonly fileSize?: string;
  readonly dryRun?: boolean;
}

/** `compact FILE`: small files of a pipeline's tables become bigger ones, while its runs go on. */
async function compact(file: string, flags: CompactFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const input = await inputOf(file, flags);
  const server = await serverForRun(environment, terminal, input.connectionsFile);
  try {
    const done = await askAtLength<readonly StreamCompacted[]>(server.client, environment, { workflow: 'compactPipeline', doing: `compacting "${input.spec.pipeline}"`, input }, 'compact');
    terminal.event('compacted', { pipeline: input.spec.pipeline, dryRun: input.dryRun, tables: done });
    for (const one of done) terminal.say(textOf(one, input.dryRun));
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

async function inputOf(file: string, { stream, fileSize, dryRun }: CompactFlags): Promise<CompactPipelineInput> {
  const spec = await loadPipeline(file);
  const names = spec.streams.map((one) => one.stream);
  if (stream !== undefined && !names.includes(stream)) throw new ConfigurationError(`compacting "${file}": ${unknownWord('stream', stream, names)}`);
  const bytes = fileSize === undefined ? null : sizeOf(fileSize);
  if (fileSize !== undefined && bytes === null) throw new ConfigurationError(`compacting "${file}": "${fileSize}" is no size; write one such as 128MB`);
  return { spec, connectionsFile: connectionsFileOf(file), streams: stream === undefined ? names : [stream], fileSize: bytes, dryRun: dryRun === true };
}

function textOf({ stream, to, files, merged, into, bytes }: StreamCompacted, dryRun: boolean): string {
  const what = into === 0 ? `no two of its ${plural(files, 'file')} are small and in one folder; nothing to do`
    : `${grouped(merged)} small of ${plural(files, 'file')}, ${spokenBytes(bytes)}, ${dryRun ? 'would become' : 'became'} ${grouped(into)}`;
  return `${pc.bold(stream)} → ${to}  ${what}`;
}

export const addCompact: AddCommand = ({ command, does }) => command('compact', 'Merge small files of tables in folders and buckets, while runs go on', 'millrace compact pipelines/flights-to-lake.yaml --file-size 256MB')
  .argument('<file>', 'pipeline file')
  .option('--stream <name>', 'only the table of this stream')
  .option('--file-size <size>', 'size aimed at; files of less than half of it are small (default: target.file_size, else 128MB)')
  .option('--dry-run', 'only tell')
  .action(does(({ environment, terminal }, file: string, flags: CompactFlags) => compact(file, flags, environment, terminal)));
