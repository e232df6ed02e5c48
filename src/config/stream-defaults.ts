import path from 'node:path';
import { slug } from '../domain/ids';
import type { NamedOptions, StreamSpec, Write } from '../domain/pipeline';
import { durationOf } from './duration';
import { sizeOf } from './size';
import type { RawStream } from './pipeline-schema';
import { defaultChangedFile } from './reload-rules';
import { isDatabase } from './stream-rules';
import type { ConnectorWord } from './vocabulary';

/** Rows per partition: seconds of work each, so that orchestration stays below 1 % and a crash costs seconds. */
const partitionRows = 1_000_000;
const defaultSettle = 60_000;
const periods = ['day', 'month', 'year'] as const;

interface FillInput {
  readonly written: Partial<RawStream>;
  readonly steps: readonly NamedOptions[];
  readonly checks: readonly NamedOptions[];
  readonly sourceFormat: NamedOptions | null;
  readonly targetFormat: NamedOptions | null;
  readonly source: ConnectorWord | null;
  readonly destination: ConnectorWord | null;
  readonly limited: boolean;
}

/** Every default of a stream. What is absent here is absent by intention. */
export function fillStream(input: FillInput): StreamSpec {
  const { written, steps, checks } = input;
  const mode = written.mode ?? 'full';
  const key = written.key ?? [];
  const write = written.write ?? defaultWrite(mode, key);
  const stream = written.stream ?? '';
  return {
    stream,
    ...(written.query === undefined ? {} : { query: written.query }),
    to: written.to ?? defaultTarget(stream, input.source),
    mode, write, key,
    ...orderOf(written, write),
    ...(written.cursor === undefined ? {} : { cursor: written.cursor, nullCursor: written.null_cursor ?? (write === 'append' ? 'fail' : 'include') }),
    ...(written.cursor_timezone === undefined ? {} : { cursorTimezone: written.cursor_timezone }),
    cursorChanges: written.cursor_changes ?? 'always',
    ...lookbackOf(written.lookback),
    settle: (written.settle === undefined ? null : durationOf(written.settle)) ?? defaultSettle,
    settleOnTimeout: written.settle_on_timeout ?? 'hold_back',
    partition: written.partition ?? { rows: partitionRows },
    ...(written.by === undefined ? {} : { by: written.by }),
    changedFile: written.changed_file ?? defaultChangedFile({ write, steps, checks, lineage: written.lineage ?? true }, input.destination),
    types: written.types ?? {},
    naming: written.naming ?? (input.source === null || isDatabase(input.source) ? 'keep' : 'snake_case'),
    snapshot: written.snapshot ?? false,
    keepPrevious: Boolean(written.keep_previous ?? false),
    allowEmpty: written.allow_empty ?? false,
    visible: written.visible ?? defaultVisible(input, write),
    lineage: written.lineage ?? true,
    proof: written.proof ?? 'rows',
    ...(written.contract === undefined ? {} : { contract: { columns: written.contract.columns ?? 'evolve', types: written.contract.types ?? null } }),
    ...(input.sourceFormat ? { sourceFormat: input.sourceFormat } : {}),
    ...(input.targetFormat ? { targetFormat: input.targetFormat } : {}),
    partitionBy: written.target?.partition_by ?? [],
    ...(written.target?.file_size === undefined ? {} : { fileSize: sizeOf(written.target.file_size) ?? 0 }),
    steps, checks,
  };
}

const defaultWrite = (mode: 'full' | 'incremental', key: readonly string[]): Write =>
  mode === 'full' ? 'replace' : key.length > 0 ? 'merge' : 'append';

/** A table keeps its name; a file or glob gives its base name: `data/movies.json` → `movies`. */
function defaultTarget(stream: string, source: ConnectorWord | null): string {
  if (isDatabase(source) || !/[./*]/.test(stream)) return stream;
  return slug(path.posix.basename(stream).replace(/(\.[A-Za-z0-9]+)+$/, ''));
}

function orderOf(written: Partial<RawStream>, write: Write): Pick<StreamSpec, 'orderBy'> {
  const order = written.order_by ?? (write === 'merge' || write === 'scd2' ? written.cursor : undefined);
  return order === undefined ? {} : { orderBy: order };
}

function lookbackOf(text: string | undefined): Pick<StreamSpec, 'lookback'> {
  const period = periods.find((known) => known === text);
  const lookback = text === undefined ? undefined : (period ?? durationOf(text) ?? undefined);
  return lookback === undefined ? {} : { lookback };
}

/** Why a lookback cannot be understood; null: it can. */
export function lookbackProblem(text: string): string | null {
  if (periods.some((period) => period === text) || durationOf(text) !== null) return null;
  const period = /^\d* ?(months?|years?)$/.exec(text)?.[1]?.replace(/s$/, '');
  return `"lookback" is "${text}"; write ${period ? `"${period}" for whole ${period}s` : 'a duration such as "10 minutes", or day, month or year for whole ones'}`;
}

/** Rows may show batch by batch where nothing that comes later can stop the run (semantics 7). */
function defaultVisible({ written, checks, destination, limited }: FillInput, write: Write): 'run' | 'batch' {
  const blocked = limited || checks.some(({ options }) => options['on_fail'] === undefined || options['on_fail'] === 'block' || options['on_fail'] === 'approve');
  const refused = destination?.capabilities?.refuses['visible: batch'] !== undefined;
  return write === 'append' && isDatabase(destination) && !blocked && !refused && written.lineage !== false ? 'batch' : 'run';
}
