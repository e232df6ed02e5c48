import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The stand-in for Salesforce as a process of its own, with what it was asked. */
export interface SalesforceSimulator {
  readonly url: string;
  /** `GET /services/…` of every request so far, in order. */
  asked(): readonly string[];
  /** Of those, the ones that match, without the path of the version. */
  askedFor(pattern: RegExp): readonly string[];
  close(): Promise<void>;
}

/** @param options see simulators/salesforce/server.mjs. */
export async function startSalesforce(options: object = {}): Promise<SalesforceSimulator> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace org '));
  const log = path.join(folder, 'asked');
  const child = spawn(process.execPath, [path.resolve(__dirname, '../../simulators/salesforce/server.mjs'), JSON.stringify({ ...options, log })], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data') as [Buffer];
  const asked = (): readonly string[] => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []);
  return {
    url: (JSON.parse(String(said)) as { url: string }).url, asked,
    askedFor: (pattern) => asked().map((line) => line.replace('/services/data/v67.0', '')).filter((line) => pattern.test(line)),
    async close() {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the stand-in knows. */
export const byClient = { type: 'client_credentials', client_id: 'app', client_secret: 'secret' };
