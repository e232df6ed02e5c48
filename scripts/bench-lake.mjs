// `node scripts/bench-lake.mjs [--megabytes N] [--rounds R] [--json]`: staging of Parquet on S3 (checksum, upload, and back again) beside the SDK's plain upload and
// download of the same bytes in the same run, round by round in turn. A local S3 server is started, or MILLRACE_TEST_S3 (http://key:secret@host:port) is used.
// The target is 100 MB/s, or what the SDK's plain upload reaches, whichever is lower.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { build, installDependencies } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } = require('@aws-sdk/client-s3');
const { startS3 } = require('../lib/dev/s3.js');
const { openNamedStaging } = require('../lib/stores/open-staging.js');
const { openEngine } = require('../lib/transforms/duckdb-engine.js');

const option = (name, otherwise) => { const at = process.argv.indexOf(name); return at < 0 ? otherwise : process.argv[at + 1]; };
const megabytes = Number(option('--megabytes', '200'));
const rounds = Number(option('--rounds', '3'));
const home = mkdtempSync(path.join(tmpdir(), 'millrace-bench-lake-'));
const given = process.env.MILLRACE_TEST_S3 && new URL(process.env.MILLRACE_TEST_S3);
const server = given ? { endpoint: given.origin, accessKeyId: given.username, secretAccessKey: given.password, stop: async () => {} } : await startS3({ folder: path.join(home, 's3'), log: console.error });
Object.assign(process.env, { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey });
const client = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true });
const bucket = `bench-${Date.now()}`;
await client.send(new CreateBucketCommand({ Bucket: bucket }));
const staging = await openNamedStaging(`s3://${bucket}/staging?endpoint=${encodeURIComponent(server.endpoint)}`, { home, stagingCache: 50e9 });
const reader = await openNamedStaging(`s3://${bucket}/staging?endpoint=${encodeURIComponent(server.endpoint)}&part_size=16`, { home: path.join(home, 'reader'), stagingCache: 50e9 });

const engine = await openEngine({ memoryLimit: '1GB', tempFolder: path.join(home, 'temp'), tempLimit: '20GB', slots: 1, threads: 2 });
async function makeParquet(file) {
  // Some 46 bytes a row that do not compress.
  await engine.session(new AbortController().signal, (session) => session.run(`COPY (SELECT n AS id, md5(n::VARCHAR) AS code, random() AS x, (n * 1.01)::DECIMAL(12,2) AS total FROM range(${Math.round((megabytes * 1e6) / 46)}) r(n)) TO '${file}' (FORMAT parquet)`));
}
async function measured(work) {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 };
}

const plain = path.join(home, 'plain.parquet');
await makeParquet(plain);
const bytes = statSync(plain).size;
const results = { up: [], plainUp: [], down: [], plainDown: [] };
for (let round = 0; round < rounds; round += 1) {
  const made = await staging.create('bench', 'parquet');
  await pipeline(createReadStream(plain), createWriteStream(made.path));
  let sealed;
  const ours = async () => { results.up.push(await measured(async () => { sealed = await staging.seal(made.key); })); };
  const theirs = async () => { results.plainUp.push(await measured(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: `plain-${round}`, Body: createReadStream(plain), ContentLength: bytes })))); };
  for (const work of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await work();
  results.down.push(await measured(() => reader.fetch(sealed)));
  results.plainDown.push(await measured(async () => pipeline((await client.send(new GetObjectCommand({ Bucket: bucket, Key: `plain-${round}` }))).Body, createWriteStream(path.join(home, 'back.parquet')))));
}
const best = (list) => list.reduce((least, one) => (one.seconds < least.seconds ? one : least));
const row = (list) => { const { seconds, cpu } = best(list); return { megabytesPerSecond: Math.round(bytes / 1e6 / seconds), cpuSeconds: Math.round(cpu * 100) / 100 }; };
const report = { megabytes: Math.round(bytes / 1e6), rounds, stagingUpload: row(results.up), plainUpload: row(results.plainUp), stagingDownload: row(results.down), plainDownload: row(results.plainDown) };
const target = Math.min(100, report.plainUpload.megabytesPerSecond);
if (process.argv.includes('--json')) console.log(JSON.stringify({ ...report, target, met: report.stagingUpload.megabytesPerSecond >= target }));
else {
  console.log(`${report.megabytes} MB of Parquet to ${server.program ?? server.endpoint}, best of ${rounds} rounds`);
  for (const [what, { megabytesPerSecond, cpuSeconds }] of Object.entries({ 'upload  Millrace staging': report.stagingUpload, 'upload  SDK, plain': report.plainUpload, 'download Millrace staging': report.stagingDownload, 'download SDK, plain': report.plainDownload })) console.log(`  ${what.padEnd(28)} ${String(megabytesPerSecond).padStart(5)} MB/s  ${cpuSeconds} CPU s`);
  console.log(`  target for the upload: ${target} MB/s, ${report.stagingUpload.megabytesPerSecond >= target ? 'met' : 'missed'}`);
}
await engine.close();
client.destroy();
await server.stop();
rmSync(home, { recursive: true, force: true });
process.exit(0);
