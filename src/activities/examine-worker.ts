import { statfs } from 'node:fs/promises';
import { openConnections } from '../config/connections';
import { readEnvironment } from '../config/environment';
import type { Dependencies } from './dependencies';
import type { ExamineInput, Examined } from './seeing-contract';

/** What a worker knows of itself, for `millrace doctor`: its clock, its room, and whether it can resolve the connections. */
export const createExamineWorker = ({ staging, version }: Dependencies) => async ({ connectionsFile }: ExamineInput): Promise<Examined> => {
  const { home, slots, threadPoolSize, memoryLimit } = readEnvironment();
  const { bavail, bsize } = await statfs(home);
  return {
    version, pid: process.pid, node: process.version, staging: staging.id, home, slots, threadPoolSize, memoryLimit,
    freeBytes: Number(bavail) * Number(bsize), now: new Date().toISOString(),
    staged: await writable(staging),
    connections: connectionsFile === null ? [] : await resolveAll(connectionsFile),
  };
};

async function writable(staging: Dependencies['staging']): Promise<string | null> {
  try {
    await staging.putIfAbsent('doctor.json', '{}');
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function resolveAll(file: string): Promise<Examined['connections']> {
  try {
    const connections = openConnections(file);
    return await Promise.all(connections.names.slice(0, 200).map(async (connection) => ({
      connection, problem: await connections.resolve(connection).then(() => null, messageOf),
    })));
  } catch (error) {
    return [{ connection: file, problem: messageOf(error) }];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
