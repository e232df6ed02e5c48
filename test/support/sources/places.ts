import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { TextRow } from '../../../src/transforms/duckdb-engine';
import { createBucket, s3Client } from '../s3';
import { sshdAvailable, startSshd } from '../sshd';
import { commonRows, readAt, type SourceFixture, type SourceFixtureDefinition } from './fixture';

const rows = commonRows();
const columns = ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'];
const types = 'types: { price: "DECIMAL(38,9)" }';

const csvOf = (step: readonly TextRow[]): string => `id,big,price,t,at\n${step.map((row) => Object.entries(row).map(([name, value]) => (value === null ? '' : name === 't' ? `"${value.replaceAll('"', '""')}"` : value)).join(',')).join('\n')}\n`;
/** Numbers of more digits than JavaScript holds are written as they are. */
const jsonlOf = (step: readonly TextRow[]): string => step.map((row) => `{${Object.entries(row).map(([name, value]) => `"${name}": ${value === null ? 'null' : name === 't' || name === 'at' ? JSON.stringify(value) : value}`).join(', ')}}\n`).join('');

/** A file for each step, of another format and compression each. */
const files: readonly (readonly [string, string | Buffer])[] = [['drops/1.csv', csvOf(rows[0]!)], ['drops/2.jsonl', jsonlOf(rows[1]!)], ['drops/3.csv.gz', gzipSync(csvOf(rows[2]!))]];
const inPlace = (connection: unknown, put: (name: string, content: string | Buffer) => Promise<void>, more: Partial<SourceFixture>): SourceFixture => ({
  connection, stream: 'drops/*', discovered: 'drops/1.csv', columns, steps: rows, words: { full: types, incremental: types },
  async grow(step) {
    await put(...files[step]!);
    return readAt(step);
  },
  spoil: () => put('drops/1.csv', `${files[0]![1]}10,10,10,ten,2026-01-01 00:00:00Z\n`),
  close: async () => undefined,
  ...more,
});

export const local: SourceFixtureDefinition = {
  async open() {
    const baseFolder = mkdtempSync(path.join(tmpdir(), 'millrace local '));
    mkdirSync(path.join(baseFolder, 'in/drops'), { recursive: true });
    return inPlace({ path: 'in' }, async (name, content) => writeFileSync(path.join(baseFolder, 'in', name), content), { baseFolder, close: () => rm(baseFolder, { recursive: true, force: true }) });
  },
};

export const s3: SourceFixtureDefinition = {
  async open() {
    const { bucket, endpoint, access_key_id: key, secret_access_key: secret } = await createBucket();
    const client = s3Client();
    const put = async (name: string, content: string | Buffer) => { await client.send(new PutObjectCommand({ Bucket: bucket, Key: `lake/${name}`, Body: content })); };
    return inPlace({ bucket, prefix: 'lake', endpoint, access_key_id: key, secret_access_key: secret }, put, { close: async () => client.destroy() });
  },
};

export const sftp: SourceFixtureDefinition = {
  available: sshdAvailable,
  async open() {
    const server = await startSshd();
    mkdirSync(path.join(server.folder, 'drops'));
    const put = async (name: string, content: string | Buffer) => writeFileSync(path.join(server.folder, name), content);
    const connection = { host: '127.0.0.1', port: server.port, user: server.user, private_key: server.key, host_key: server.fingerprint, path: server.folder };
    return inPlace(connection, put, { close: () => server.stop() });
  },
};

/** A web server lists nothing, so its stream is one file, which grows. */
export const http: SourceFixtureDefinition = {
  async open() {
    let content = Buffer.alloc(0);
    let version = 0;
    const server = createServer((request, response) => serve(request, response, content, `"${version}"`));
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return {
      connection: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, stream: 'things.jsonl', discovered: null, columns, steps: rows,
      words: { full: types, incremental: `changed_file: follow, ${types}` },
      async grow(step) {
        content = Buffer.concat([content, Buffer.from(jsonlOf(rows[step]!))]);
        version += 1;
        return readAt(step);
      },
      async spoil() {
        content = content.subarray(0, 20);
        version += 1;
      },
      async close() {
        server.closeAllConnections();
        server.close();
      },
    };
  },
};

function serve(request: IncomingMessage, response: ServerResponse, content: Buffer, etag: string): void {
  if (request.url !== '/things.jsonl') return void response.writeHead(request.url === '/' ? 200 : 404).end();
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = asked ? Number(asked[1]) : 0;
  const to = asked?.[2] ? Math.min(Number(asked[2]) + 1, content.length) : content.length;
  response.writeHead(asked ? 206 : 200, { etag, 'content-length': to - from, ...(asked && { 'content-range': `bytes ${from}-${to - 1}/${content.length}` }) });
  response.end(request.method === 'HEAD' ? undefined : content.subarray(from, to));
}
