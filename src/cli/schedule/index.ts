import { Option } from 'commander';
import { ConfigurationError } from '../../domain/errors';
import { overlaps, type Overlap } from '../../domain/schedule';
import type { AddCommand } from '../door';
import { logicalDateOf } from '../logical-date';
import { streamOption } from '../backfill';
import { applySchedule } from './apply';
import { backfillSchedule } from './backfill';
import { deleteSchedule, pauseSchedule, resumeSchedule, triggerSchedule } from './control';
import { applyJanitor } from './janitor';
import { listInstants, listSchedules } from './list';

const pipelineName = 'name of a pipeline';
interface Range { readonly from?: string; readonly to?: string }
interface Reason { readonly reason?: string }

export const instantOf = (text: string | undefined): Date | null => (text === undefined ? null : new Date(logicalDateOf(text)));

export const addSchedule: AddCommand = (door) => {
  const { command, does } = door.group('schedule', 'Let pipelines run by themselves, by Temporal Schedules');
  command('apply', 'Make or change the schedule of a pipeline; said again, nothing changes', 'millrace schedule apply pipelines/orders.yaml')
    .argument('[file]', 'pipeline file with "schedule"')
    .option('--janitor', 'instead: "millrace clean" once a night')
    .option('--off', 'with --janitor: no more')
    .action(does(({ environment, terminal }, file: string | undefined, { janitor, off }: { readonly janitor?: boolean; readonly off?: boolean }) => {
      if (janitor) return applyJanitor(off === true, environment, terminal);
      if (file === undefined) throw new ConfigurationError('applying a schedule: name the pipeline file, or --janitor');
      return applySchedule(file, environment, terminal);
    }));
  command('list', 'Show schedules; of one pipeline, what became of each instant', 'millrace schedule list\n  millrace schedule list orders --from 2026-08-01 --to 2026-08-02')
    .argument('[pipeline]', pipelineName)
    .option('--from <instant>', 'first instant to account for (default: a day before)')
    .option('--to <instant>', 'last one (default: now)')
    .action(does(({ environment, terminal }, pipeline: string | undefined, { from, to }: Range) =>
      (pipeline === undefined ? listSchedules(environment, terminal) : listInstants(pipeline, { from: instantOf(from), to: instantOf(to) }, environment, terminal))));
  command('pause', 'Start no runs by itself until resumed; a run that is going on goes on', 'millrace schedule pause orders --reason "warehouse is moved"')
    .argument('<pipeline>', pipelineName).option('--reason <text>', 'why, for those who wonder later')
    .action(does(({ environment, terminal }, pipeline: string, { reason = '' }: Reason) => pauseSchedule(pipeline, reason, environment, terminal)));
  command('resume', 'Start runs again; the next one reads all that came meanwhile', 'millrace schedule resume orders')
    .argument('<pipeline>', pipelineName).option('--reason <text>', 'why')
    .action(does(({ environment, terminal }, pipeline: string, { reason = '' }: Reason) => resumeSchedule(pipeline, reason, environment, terminal)));
  command('trigger', 'Start a run now, behind the one that is going on if one is', 'millrace schedule trigger orders')
    .argument('<pipeline>', pipelineName)
    .addOption(new Option('--overlap <word>', 'if a run is going on: skip refuses, buffer waits (default: as scheduled)').choices(overlaps))
    .action(does(({ environment, terminal }, pipeline: string, { overlap }: { readonly overlap?: Overlap }) => triggerSchedule(pipeline, overlap ?? null, environment, terminal)));
  command('backfill', 'Load the windows between past instants again; the checkpoint stays', 'millrace schedule backfill orders --from 2026-08-01 --to 2026-08-08')
    .argument('<pipeline>', pipelineName)
    .requiredOption('--from <instant>', 'first instant').requiredOption('--to <instant>', 'last instant')
    .addOption(streamOption()).option('--detach', 'start it and do not watch it')
    .action(does(({ environment, terminal }, pipeline: string, flags: Required<Range> & { readonly stream?: readonly string[]; readonly detach?: boolean }) =>
      backfillSchedule(pipeline, { from: instantOf(flags.from)!, to: instantOf(flags.to)! }, flags, environment, terminal)));
  command('delete', 'Take the schedule away; runs, receipts and checkpoints stay', 'millrace schedule delete orders')
    .argument('<pipeline>', pipelineName)
    .action(does(({ environment, terminal }, pipeline: string) => deleteSchedule(pipeline, environment, terminal)));
};
