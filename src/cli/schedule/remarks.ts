import type { Environment } from '../../config/environment';
import { spokenTimes } from '../../domain/schedule';
import { findServer } from '../connect';
import { allApplied, fileDiffers, findApplied, type Applied } from './applied';
import { differenceLine } from './list';
import { spokenInstant } from './spoken';

/** What `status` says of schedules: the next run, a pause, a file that is no longer what was applied. Nothing where no server answers. */
export async function scheduleRemarks(pipeline: string | undefined, environment: Environment): Promise<readonly string[]> {
  const server = await findServer(environment).catch(() => null);
  if (!server) return [];
  try {
    const found = pipeline === undefined ? await allApplied(server.client) : [await findApplied(server.client, pipeline)].filter((one) => one !== null);
    return (await Promise.all(found.map(remarksOf))).flat();
  } finally {
    await server.close();
  }
}

async function remarksOf(applied: Applied): Promise<readonly string[]> {
  const { pipeline, schedule, description: { state, info } } = applied;
  const [next] = info.nextActionTimes;
  const when = state.paused ? `paused${state.note ? ` (${state.note})` : ''}` : next ? `next ${spokenInstant(next)}` : 'no further run';
  const differs = await fileDiffers(applied);
  const line = differs ? differenceLine(applied, differs) : null;
  return [`${pipeline}  ${spokenTimes(schedule)}: ${when}`, ...(line ? [`  ${line}`] : [])];
}
