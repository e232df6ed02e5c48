import type { JsonObject } from '../domain/json';
import { isAtDestination, type StreamSpec } from '../domain/pipeline';
import { incrementProblem } from './increments';
import type { RawStream } from './pipeline-schema';
import { reloadProblem } from './reload-rules';
import type { ConnectorWord } from './vocabulary';
import { isZone } from './zone';

/** A stream with all defaults filled in, what was written, and the systems at both ends where they are known. */
export interface RuleInput {
  readonly spec: StreamSpec;
  readonly written: Partial<RawStream>;
  readonly source: ConnectorWord | null;
  readonly destination: ConnectorWord | null;
  /** `limits.rejects` is set. */
  readonly limited: boolean;
}

type Word = keyof RawStream;

/** What must hold between the words of one stream (semantics 4, 7 and 8). */
interface Rule {
  /** Words the rule looks at; it is skipped where one of them is itself wrong. The problem is shown at the first that is written. */
  readonly words: readonly Word[];
  /** What is wrong and the next step; null: nothing. */
  judge(input: RuleInput): string | null;
}

const rule = (words: readonly Word[], applies: (input: RuleInput) => boolean, message: string | ((input: RuleInput) => string)): Rule => ({
  words,
  judge: (input) => (applies(input) ? (typeof message === 'string' ? message : message(input)) : null),
});

export const isDatabase = (connector: ConnectorWord | null): boolean => connector?.holdsTables === true;
const isKnownStore = (connector: ConnectorWord | null): boolean => connector !== null && !isDatabase(connector);
const blocks = ({ spec, limited }: RuleInput): boolean => limited || spec.checks.some(({ options }) => options['on_fail'] === undefined || options['on_fail'] === 'block' || options['on_fail'] === 'approve');
const orderShape = /^\S.*?( (asc|desc))?$/i;

export const streamRules: readonly Rule[] = [
  rule(['write', 'mode', 'snapshot'], ({ spec }) => spec.mode === 'full' && spec.write === 'append' && !spec.snapshot,
    '"mode: full" with "write: append" adds every row again in each run; set "snapshot: true" if a copy per run is wanted, else use replace or merge'),
  rule(['snapshot', 'write', 'mode'], ({ spec }) => spec.snapshot && !(spec.mode === 'full' && spec.write === 'append'),
    '"snapshot: true" goes with "mode: full" and "write: append" only'),
  rule(['write', 'mode'], ({ spec }) => spec.mode === 'incremental' && spec.write === 'replace',
    '"mode: incremental" with "write: replace" would leave only the newest rows; use merge, delete_insert or append, or "mode: full"'),
  rule(['write', 'key'], ({ spec }) => (spec.write === 'merge' || spec.write === 'scd2') && spec.key.length === 0,
    ({ spec }) => `"write: ${spec.write}" needs "key", the columns that identify a row`),
  rule(['order_by', 'write', 'cursor'], ({ spec, written }) => spec.write === 'scd2' && written.order_by !== undefined && written.order_by.trim().split(/\s+/)[0] !== spec.cursor,
    '"write: scd2" orders versions by "cursor"; leave "order_by" out'),
  rule(['lookback', 'write', 'key'], ({ spec }) => spec.mode === 'incremental' && spec.write === 'append' && spec.lookback !== undefined && spec.key.length === 0,
    '"lookback" reads rows again that append has loaded; give "key", so that they are recognised, or use merge'),
  rule(['write', 'by'], ({ spec }) => spec.write === 'delete_insert' && spec.by === undefined,
    '"write: delete_insert" needs "by": the columns whose rows are replaced, or "window"'),
  rule(['by', 'write'], ({ spec }) => spec.by !== undefined && spec.write !== 'delete_insert',
    '"by" goes with "write: delete_insert" only'),
  rule(['by', 'mode'], ({ spec }) => spec.by === 'window' && spec.mode === 'full',
    '"by: window" needs "mode: incremental": a full read has no window'),
  rule(['mode', 'cursor'], ({ spec, source }) => spec.mode === 'incremental' && spec.cursor === undefined && isDatabase(source),
    '"mode: incremental" from a database needs "cursor", a column that grows with each new or changed row'),
  rule(['cursor'], ({ spec, source }) => spec.mode === 'incremental' && spec.cursor !== undefined && isKnownStore(source) && source?.takesCursor !== true,
    'files are read by file, not by "cursor": a file is read once, and again when it has changed (changed_file)'),
  rule(['mode', 'cursor'], ({ spec, source }) => spec.mode === 'incremental' && spec.cursor === undefined && source?.takesCursor === true,
    ({ source }) => `"mode: incremental" from "${source?.name}" needs "cursor", the time at which a record was last changed`),
  rule(['key', 'mode'], ({ spec, source }) => spec.mode === 'incremental' && spec.key.length === 0 && source?.takesCursor === true,
    ({ source }) => `"mode: incremental" from "${source?.name}" needs "key": an API may give records at the edge of two reads in both`),
  rule(['by'], ({ spec, source }) => spec.by === 'window' && source?.takesCursor === true,
    ({ source }) => `"by: window" needs a source that reads exact windows; "${source?.name}" may give more: use merge`),
  rule(['format'], ({ spec, source }) => spec.sourceFormat !== undefined && source?.takesCursor === true, ({ source }) => `"format" is for files; how "${source?.name}" answers is told in its connection`),
  rule(['changed_file', 'steps', 'checks', 'lineage', 'write'], ({ spec, written, destination }) => written.changed_file === 'reload' && spec.mode === 'incremental' && reloadProblem(spec, destination) !== null,
    ({ spec, destination }) => `"changed_file: reload" takes a file's earlier rows away by the batch that brought them, but ${reloadProblem(spec, destination)}; use fail or ignore, or "mode: full"`),
  rule(['lookback', 'mode'], ({ spec }) => spec.lookback !== undefined && spec.mode === 'full', '"lookback" goes with "mode: incremental" only'),
  rule(['lookback', 'cursor'], ({ spec }) => spec.lookback !== undefined && spec.mode === 'incremental' && spec.cursor === undefined, '"lookback" needs "cursor"'),
  rule(['null_cursor', 'cursor'], ({ spec, written }) => written.null_cursor !== undefined && spec.cursor === undefined, '"null_cursor" needs "cursor"'),
  rule(['cursor_timezone', 'cursor'], ({ spec }) => spec.cursorTimezone !== undefined && spec.cursor === undefined, '"cursor_timezone" needs "cursor"'),
  rule(['cursor_timezone'], ({ spec }) => spec.cursorTimezone !== undefined && !isZone(spec.cursorTimezone),
    ({ spec }) => `unknown time zone "${spec.cursorTimezone}"; write UTC or a name such as Europe/Berlin`),
  rule(['settle_on_timeout', 'lookback'], ({ spec }) => spec.settleOnTimeout === 'proceed' && spec.lookback === undefined,
    '"settle_on_timeout: proceed" may pass rows that are committed late; it needs "lookback", which reads them again'),
  rule(['keep_previous', 'write'], ({ spec }) => spec.keepPrevious && spec.write !== 'replace', '"keep_previous" goes with "write: replace" only'),
  rule(['allow_empty', 'mode'], ({ spec }) => spec.allowEmpty && spec.mode !== 'full', '"allow_empty" goes with "mode: full" only'),
  rule(['order_by'], ({ spec }) => spec.orderBy !== undefined && !orderShape.test(spec.orderBy), '"order_by" is one column, optionally followed by asc or desc'),
  rule(['visible', 'write'], ({ spec }) => spec.visible === 'batch' && spec.write !== 'append', '"visible: batch" goes with "write: append" only: other writes need the whole run'),
  rule(['visible', 'checks'], (input) => input.spec.visible === 'batch' && blocks(input),
    '"visible: batch" cannot be taken back by "limits.rejects" or a check with "on_fail: block" or "approve"; use "visible: run"'),
  rule(['visible', 'lineage'], ({ spec }) => spec.visible === 'batch' && !spec.lineage, '"visible: batch" needs "lineage: true", by which rows of an unfinished run are found'),
  rule(['visible'], ({ spec, destination }) => spec.visible === 'batch' && isKnownStore(destination), ({ destination }) => `"visible: batch" needs a destination with transactions; "${destination?.name}" has none`),
  rule(['checks'], ({ spec, destination }) => destination !== null && destination.capabilities?.takesChecks !== true && spec.checks.some(isAtDestination),
    ({ destination }) => `a check with "at: destination" needs a destination that answers within its own transaction; "${destination?.name}" does not: leave "at" out, and the rows are checked before they are loaded`),
  rule(['checks'], ({ spec }) => spec.checks.some((check) => check.name === 'relationships' && (isAtDestination(check) ? !isTableThere(check.options['to'] as JsonObject) : isTableThere(check.options['to'] as JsonObject))),
    'check "relationships": "to: { table: … }" without "connection" and "at: destination" go together; over staged rows name a stream, a file, or a table with its connection'),
  rule(['query'], ({ spec, source }) => spec.query !== undefined && isKnownStore(source), ({ source }) => `"query" needs a database; "${source?.name}" cannot run it`),
  rule(['stream'], ({ spec, source }) => spec.query === undefined && spec.stream.includes('*') && isDatabase(source), ({ spec }) => `a wildcard ("${spec.stream}") is not available yet; name each table`),
  rule(['to'], ({ spec }) => spec.to.includes('{'), '"{…}" in "to" is not available yet; name the table'),
  rule(['format'], ({ spec, source }) => spec.sourceFormat !== undefined && isDatabase(source), ({ source }) => `"format" is for files; "${source?.name}" has none`),
  rule(['target'], ({ spec, destination }) => (spec.targetFormat !== undefined || spec.partitionBy.length > 0 || spec.fileSize !== undefined) && isDatabase(destination), ({ destination }) => `"target" is for files; "${destination?.name}" has none`),
  rule(['target'], ({ spec }) => spec.fileSize !== undefined && spec.partitionBy.length > 0, '"file_size" and "partition_by" exclude each other: each folder gets a file per batch; use "partition: { rows: … }" to size batches'),
  { words: ['steps', 'mode', 'cursor', 'lookback', 'write', 'by', 'key', 'cursor_changes'], judge: ({ spec }) => incrementProblem(spec) },
  rule(['write', 'mode'], ({ spec, destination }) => destination?.capabilities?.writes.includes(spec.write) === false,
    ({ spec, destination }) => `"${destination?.name}" cannot write "${spec.write}"${because(destination, spec.write)}; it can: ${destination?.capabilities?.writes.join(', ')}`),
];

const isTableThere = ({ table, connection }: JsonObject): boolean => table !== undefined && connection === undefined;

const because = (destination: ConnectorWord | null, word: string): string => {
  const reason = destination?.capabilities?.refuses[word];
  return reason ? ` (${reason})` : '';
};

/** Words that the destination refuses by its capabilities: `keep_previous`, `visible: batch`. */
export function refusedWords({ written, destination }: RuleInput): readonly { readonly word: Word; readonly message: string }[] {
  return Object.entries(destination?.capabilities?.refuses ?? {}).flatMap(([refused, reason]) => {
    const [word, value] = refused.split(/: */) as [Word, string?];
    const found = written[word];
    const applies = value === undefined ? found !== undefined && found !== false && found !== 0 : String(found) === value;
    return applies && word !== 'write' ? [{ word, message: `"${refused}" is not available with "${destination?.name}": ${reason}` }] : [];
  });
}
