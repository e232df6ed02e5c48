import path from 'node:path';
import { main } from '../../src/client';
import { temporalAddress } from './temporal';
import type { Installation } from './worker';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command as a person types it, with what it wrote. One at a time: standard output is shared. */
export async function millrace(...argv: readonly string[]): Promise<Said> {
  let out = '';
  let err = '';
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => { out += String(text); return true; }),
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => { err += String(text); return true; }),
  ];
  try {
    const code = await main(argv);
    return { code, out, err };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

export const events = ({ out }: Said): readonly Record<string, unknown>[] => out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

/** Commands of this process now speak to that installation; call what is returned to put the environment back. */
export function useInstallation({ home, taskQueue, connectionsFile }: Installation): () => void {
  const before = { ...process.env };
  Object.assign(process.env, { TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_CONFIG_FILE: path.join(home, 'none.toml'), MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: taskQueue, MILLRACE_CONNECTIONS: connectionsFile });
  return () => { process.env = before; };
}
