import path from 'node:path';
import { connectionsFileOf } from '../../config/connections';
import type { Environment } from '../../config/environment';
import { loadPipeline } from '../../config/load-pipeline';
import { ConfigurationError } from '../../domain/errors';
import { scheduleIdOf, spokenPolicy, spokenTimes, wholeSeconds, type ScheduleSpec } from '../../domain/schedule';
import { needServer } from '../connect';
import { differences } from '../differences';
import { exitCodes, type ExitCode } from '../exit-codes';
import { offerSearchAttributes } from '../search-attributes';
import type { Terminal } from '../terminal';
import { findApplied, inputOf, optionsOf, whoAmI, type Applied, type AppliedNote } from './applied';
import { spokenInstant } from './spoken';

/** `schedule apply FILE`: the server's schedule becomes what the file says; said again, nothing changes. A paused one stays paused. */
export async function applySchedule(file: string, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const spec = await loadPipeline(file);
  if (!spec.schedule) throw new ConfigurationError(`applying the schedule of "${file}": the file has no "schedule"; add one, e.g. schedule: { cron: "0 * * * *" }`, { file });
  const server = await needServer(environment);
  try {
    const input = inputOf(spec, connectionsFileOf(file), await offerSearchAttributes(server.client, terminal));
    const before = await findApplied(server.client, spec.pipeline);
    const changes = before ? changesOf(before, { input, taskQueue: environment.taskQueue, file: path.resolve(file) }) : [];
    if (before && changes.length > 0) {
      const { paused, note } = before.description.state;
      await before.handle.update(() => optionsOf(input, environment.taskQueue, noteOf(file, spec.schedule!, before), { paused, ...(note === undefined ? {} : { note }) }));
    }
    if (!before) await server.client.schedule.create(optionsOf(input, environment.taskQueue, noteOf(file, spec.schedule, null), { paused: false }));
    return await tell(spec.pipeline, before, changes, (await findApplied(server.client, spec.pipeline))!, terminal);
  } finally {
    await server.close();
  }
}

function noteOf(file: string, next: ScheduleSpec, before: Applied | null): AppliedNote {
  const at = wholeSeconds(new Date());
  const sameTimes = before !== null && differences(timesOf(before.schedule), timesOf(next)).length === 0;
  return { file: path.resolve(file), by: whoAmI(), at, timesSince: sameTimes ? before.note.timesSince : at, pauses: before?.note.pauses ?? [] };
}

const timesOf = ({ cron, every, offset, timezone }: ScheduleSpec) => ({ cron, every: every ?? null, offset: offset ?? null, timezone });

function changesOf({ input: old, note, description }: Applied, next: { readonly input: Applied['input']; readonly taskQueue: string; readonly file: string }): readonly string[] {
  const told = differences(
    { ...old.spec, hash: null, connections: old.connectionsFile, queue: description.action.taskQueue, file: note.file, searchAttributes: old.searchAttributes === true },
    { ...next.input.spec, hash: null, connections: next.input.connectionsFile, queue: next.taskQueue, file: next.file, searchAttributes: next.input.searchAttributes === true });
  return told.length === 0 && old.spec.hash !== next.input.spec.hash ? ['the text, not its meaning'] : told;
}

function tell(pipeline: string, before: Applied | null, changes: readonly string[], now: Applied, terminal: Terminal): ExitCode {
  const what = !before ? 'created' : changes.length > 0 ? 'updated' : 'unchanged';
  const [next] = now.description.info.nextActionTimes;
  const { paused } = now.description.state;
  terminal.event('applied', { schedule: scheduleIdOf(pipeline), what, changes, paused, next: paused || !next ? null : wholeSeconds(next) });
  terminal.say(`schedule ${pipeline}: ${what}`);
  for (const change of changes) terminal.say(`  ${change}`);
  terminal.say(`  ${spokenTimes(now.schedule)}\n  ${spokenPolicy(now.schedule)}`);
  terminal.say(paused ? `  paused${now.description.state.note ? ` (${now.description.state.note})` : ''}, and stays so: "millrace schedule resume ${pipeline}"` : `  next run ${next ? spokenInstant(next) : 'never'}`);
  return exitCodes.success;
}
