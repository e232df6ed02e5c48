import type { CheckResult } from '../connectors/connector';
import type { CheckConnectionsInput, ConnectionCheck } from './contract';
import type { Dependencies } from './dependencies';

interface Checkable {
  check(): Promise<CheckResult>;
  close(): Promise<void>;
}

/** Tries both connections. What is wrong with one is its answer, not a failure: nothing is tried again by itself here. */
export const createCheckConnections = ({ openSource, openDestination }: Dependencies) => async ({ connectionsFile, source, destination }: CheckConnectionsInput): Promise<readonly ConnectionCheck[]> => [
  { connection: source, side: 'source', ...(await tried(() => openSource(connectionsFile, source))) },
  { connection: destination, side: 'destination', ...(await tried(() => openDestination(connectionsFile, destination))) },
];

async function tried(open: () => Promise<Checkable>): Promise<CheckResult> {
  try {
    const opened = await open();
    try {
      return await opened.check();
    } finally {
      await opened.close();
    }
  } catch (error) {
    return { ok: false, messages: [error instanceof Error ? error.message : String(error)] };
  }
}
