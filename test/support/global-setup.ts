import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres } from '../../src/dev/postgres';
import { startS3 } from '../../src/dev/s3';
import { startTemporal } from '../../src/dev/temporal';

/** One Postgres and one Temporal server for the whole run, unless the environment names some. */
export default async function globalSetup(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-test-'));
  const stops: (() => Promise<void>)[] = [];
  const log = (line: string) => { process.stderr.write(`${line}\n`); };
  if (!process.env['MILLRACE_TEST_POSTGRES']) {
    // The account that runs Postgres for root must pass through the folder.
    const { chmodSync } = await import('node:fs');
    chmodSync(folder, 0o755);
    const postgres = await startPostgres({ folder: path.join(folder, 'postgres'), port: 0, log });
    process.env['MILLRACE_TEST_POSTGRES'] = postgres.url;
    stops.push(() => postgres.stop());
  }
  if (!process.env['MILLRACE_TEST_TEMPORAL']) {
    const temporal = await startTemporal({ folder: path.join(folder, 'temporal'), port: 0, uiPort: 0, tools: path.join(__dirname, '../../.millrace/tools'), log });
    process.env['MILLRACE_TEST_TEMPORAL'] = temporal.address;
    process.env['MILLRACE_TEST_TEMPORAL_UI'] = temporal.uiUrl;
    stops.push(() => temporal.stop());
  }
  if (!process.env['MILLRACE_TEST_S3']) {
    const { endpoint, accessKeyId, secretAccessKey, stop } = await startS3({ folder: path.join(folder, 's3'), port: 0, tools: path.join(__dirname, '../../.millrace/tools'), log });
    process.env['MILLRACE_TEST_S3'] = endpoint.replace('//', `//${accessKeyId}:${secretAccessKey}@`);
    stops.push(() => stop('SIGKILL'));
  }
  (globalThis as { millraceStops?: () => Promise<void> }).millraceStops = async () => {
    for (const stop of stops) await stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
