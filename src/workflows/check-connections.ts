import type { CheckConnectionsInput, ConnectionCheck } from '../activities/contract';
import { activitiesWith, brief } from './activity-options';

/** `millrace check`: both connections, tried from where they will be used (semantics 16). */
export async function checkConnections(input: CheckConnectionsInput): Promise<readonly ConnectionCheck[]> {
  return activitiesWith(brief).checkConnections.executeWithOptions({ activityId: 'check', summary: `check ${input.source} and ${input.destination}` }, [input]);
}
