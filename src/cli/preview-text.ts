import pc from 'picocolors';
import type { PreviewStage, PreviewStream } from '../domain/preview';
import { plainTable, screenWidth } from './plain-table';
import { reasonsText } from './reasons';
import { fitted, grouped, plural } from './words';

/** Widest a value is shown; columns that do not fit are counted. */
const widest = 22;

const stageAt = ({ stages }: PreviewStream, step: number | null): number => (step === null ? -1 : stages.findIndex((stage) => stage.step.startsWith(`${step} `)));

/** A step was asked for that the stream has not, or did not come to. */
export const lacksStep = (stream: PreviewStream, step: number | null): boolean => step !== null && stageAt(stream, step) < 0;

/** A stream's stages one below the other; with `step`, the rows before and after that one only. */
export function previewText(preview: PreviewStream, step: number | null): string {
  const { stream, to, stages, checks, problem } = preview;
  const at = stageAt(preview, step);
  const shown = stages.filter((_stage, index) => step === null || index === at || index === at - 1);
  const known = stages.filter((stage) => /^\d/.test(stage.step)).length;
  return [
    `${pc.bold(stream)} → ${pc.bold(to)}`,
    ...(lacksStep(preview, step) ? [`  there is no step ${step}: it has ${plural(known, 'step')}`] : []),
    ...(lacksStep(preview, step) ? [] : shown.map((stage) => stageText(stage, stages[stages.indexOf(stage) - 1]))),
    ...(step === null ? checks.map(({ check, onFail, passed, message }) => `  ${passed ? pc.green('ok') : pc.yellow(onFail)}  check ${check}: ${passed ? 'holds for the sample' : message}`) : []),
    ...(problem ? [`  ${pc.red('stops here')}: ${problem}`] : []),
    '',
  ].join('\n');
}

function stageText(stage: PreviewStage, before: PreviewStage | undefined): string {
  return [
    `\n  ${pc.cyan(stage.step)}  ${countsText(stage)}`,
    ...(stage.rows.length === 0 ? ['    no row is left'] : stage.step === 'checks' ? [] : [rowsText(stage, before)]),
    ...(stage.rejects.length > 0 ? [`    ${pc.yellow(`would be rejected${stage.line.rejected > stage.rejects.length ? ` (${stage.rejects.length} of ${grouped(stage.line.rejected)})` : ''}:`)}`, ...stage.rejects.map(({ reasons, raw }) => `    - ${reasonsText(reasons)}: ${pc.dim(fitted(raw, Math.max(30, screenWidth() - reasonsText(reasons).length - 9)))}`)] : []),
  ].join('\n');
}

function countsText({ line }: PreviewStage): string {
  const terms = ([['created', line.created], ['rejected', line.rejected], ['filtered', line.filtered], ['deduplicated', line.deduplicated], ['aggregated', line.aggregated]] as const).filter(([, count]) => count > 0);
  return pc.dim(`${grouped(line.in)} in, ${grouped(line.out)} out${terms.map(([word, count]) => `, ${grouped(count)} ${word}`).join('')}`);
}

/** Columns that the step has changed come first in line for the room there is; order stays as it is. */
function rowsText({ columns, rows }: PreviewStage, before: PreviewStage | undefined): string {
  const changed = columns.map((column, at) => before !== undefined && isChanged(column.name, at, rows, before));
  const length = (at: number): number => Math.min(widest, Math.max(columns[at]!.name.length, ...rows.map(({ values }) => textOf(values[at] ?? null).length)));
  let room = screenWidth() - 4;
  const taken = new Set<number>();
  for (const at of [...columns.keys()].sort((left, right) => Number(changed[right]) - Number(changed[left]))) {
    if (length(at) + 2 > room) continue;
    room -= length(at) + 2;
    taken.add(at);
  }
  const chosen = [...columns.keys()].filter((at) => taken.has(at));
  const head = chosen.map((at) => `${columns[at]!.name}${changed[at] ? '*' : ''}`);
  const table = plainTable({ head, indent: '    ', rows: rows.map(({ values }) => chosen.map((at) => fitted(textOf(values[at] ?? null), widest))), width: screenWidth() + 8 });
  const left = columns.length - chosen.length;
  return `${table}${left > 0 ? `\n    ${pc.dim(`and ${plural(left, 'column')} more`)}` : ''}`;
}

function isChanged(name: string, at: number, rows: PreviewStage['rows'], before: PreviewStage): boolean {
  const was = before.columns.findIndex((column) => column.name === name);
  if (was < 0) return true;
  const earlier = new Map(before.rows.map(({ position, values }) => [position, values[was]]));
  return rows.some(({ position, values }) => earlier.has(position) && earlier.get(position) !== values[at]);
}

/** NULL and the empty text look different, and no line break breaks the table. */
const textOf = (value: string | null): string => (value === null ? '∅' : value === '' ? "''" : value.replace(/\s/g, ' '));
