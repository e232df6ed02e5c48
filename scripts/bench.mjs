// `npm run bench -- --rows N [--json]`: Millrace beside raw tools, interleaved in one run; one JSON object a line with --json.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { Client } = require('pg');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');
const { pipeline } = require('node:stream/promises');
const { createWriteStream } = require('node:fs');
const { startEnvironment } = require('../lib/dev/environment.js');

const option = (name, otherwise) => { const at = process.argv.indexOf(name); return at < 0 ? otherwise : process.argv[at + 1]; };
const rows = Number(option('--rows', '1000000'));
const rounds = Number(option('--rounds', '2'));
const json = process.argv.includes('--json');
const home = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
chmodSync(home, 0o755);
const environment = await startEnvironment({ home, postgres: true, log: (line) => console.error(line) });
const url = environment.postgresUrl;
const connect = async () => { const client = new Client({ connectionString: url }); await client.connect(); return client; };
const sql = async (text) => { const client = await connect(); try { return (await client.query(text)).rows; } finally { await client.end(); } };

const columns = 'id bigint PRIMARY KEY, customer integer, total numeric(12,2), note text, code uuid, flag boolean, day date, at timestamptz';
await sql(`CREATE TABLE big (${columns})`);
await sql(`INSERT INTO big SELECT n, n % 1000, n * 1.01, 'note number ' || n || ' of many', md5(n::text)::uuid, n % 2 = 0, date '2020-01-01' + (n % 2000)::int, timestamptz '2020-01-01' + n * interval '1 second' FROM generate_series(1, ${rows}) n`);
await sql('VACUUM ANALYZE big');
await sql('CHECKPOINT');

writeFileSync(path.join(home, 'connections.yaml'), `db: { connector: postgres, url: "${url}" }\nlake: { connector: files, path: lake }\n`);
const yaml = (name, to, source = 'big', proof = 'counts') => { const file = path.join(home, `${name}.yaml`); writeFileSync(file, `pipeline: ${name}\nsource: db\ndestination: ${to}\nstreams:\n  - { stream: ${source}, to: ${name}, mode: full, write: replace, proof: ${proof} }\n`); return file; };
const run = (file) => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, [path.join(root, 'lib/client.js'), 'run', file, '--json'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, UV_THREADPOOL_SIZE: '16', MILLRACE_HOME: home, TEMPORAL_ADDRESS: environment.address } });
  let said = '';
  child.stdout.on('data', (chunk) => { said += chunk; });
  child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`run ended with ${code}: ${said.slice(-500)}`))));
});

async function rawCopy() {
  const client = await connect();
  await pipeline(client.query(copyTo('COPY big TO STDOUT (FORMAT csv)')), createWriteStream(path.join(home, 'raw.csv')));
  await client.end();
}
async function keyedPipe() {
  await sql(`DROP TABLE IF EXISTS piped; CREATE TABLE piped (${columns})`);
  const [from, to] = [await connect(), await connect()];
  await pipeline(from.query(copyTo('COPY big TO STDOUT (FORMAT binary)')), to.query(copyFrom('COPY piped FROM STDIN (FORMAT binary)')));
  await from.end();
  await to.end();
}
await sql('CREATE TABLE small AS SELECT * FROM big LIMIT 1000');
const files = { parquet: yaml('bench_parquet', 'lake'), postgres: yaml('bench_postgres', 'db'), small: yaml('bench_small', 'db', 'small'), provenParquet: yaml('bench_proven_parquet', 'lake', 'big', 'rows'), provenPostgres: yaml('bench_proven_postgres', 'db', 'big', 'rows') };
const work = [
  ['raw COPY to a file', rawCopy, null],
  ['millrace Postgres → Parquet', () => run(files.parquet), 'raw COPY to a file'],
  ['raw binary COPY pipe, keyed', keyedPipe, null],
  ['millrace Postgres → Postgres', () => run(files.postgres), 'raw binary COPY pipe, keyed'],
  ['millrace Postgres → Parquet, proof: rows', () => run(files.provenParquet), 'millrace Postgres → Parquet'],
  ['millrace Postgres → Postgres, proof: rows', () => run(files.provenPostgres), 'millrace Postgres → Postgres'],
  ['millrace run of 1,000 rows', () => run(files.small), null],
];

const peak = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** Linux counts the peak anew from here on. */
const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** CPU seconds that this process and all it started have used, those that ended and were waited for included; by program. */
function cpuSeconds() {
  const stats = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const program = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
      const own = Number(pid) === environment.workerPid() ? 'worker' : /^(postgres|temporal)/.exec(program)?.[1] ?? 'other';
      return [{ pid: Number(pid), parent: fields[1], own, ticks: fields[11] + fields[12] + fields[13] + fields[14] }];
    } catch { return []; }
  });
  const mine = new Set([process.pid]);
  for (let before = 0; before !== mine.size; ) { before = mine.size; for (const { pid, parent } of stats) if (mine.has(parent)) mine.add(pid); }
  const used = { worker: 0, postgres: 0, temporal: 0, other: 0 };
  for (const { pid, own, ticks } of stats) if (mine.has(pid)) used[own] += ticks / 100;
  return used;
}

const best = new Map();
const used = new Map();
const peaks = new Map();
const only = option('--only', '');
for (let round = 0; round < rounds; round += 1) {
  for (const [name, does] of work.filter(([name]) => name.includes(only))) {
    forgetPeak(environment.workerPid());
    const cpu = cpuSeconds();
    const before = process.hrtime.bigint();
    await does();
    const seconds = Number(process.hrtime.bigint() - before) / 1e9;
    peaks.set(name, Math.max(peaks.get(name) ?? 0, peak(environment.workerPid())));
    if (seconds >= (best.get(name) ?? Infinity)) continue;
    best.set(name, seconds);
    const after = cpuSeconds();
    used.set(name, Object.fromEntries(Object.keys(cpu).map((of) => [of, Number((after[of] - cpu[of]).toFixed(2))])));
  }
}
for (const [name, , against] of work.filter(([name]) => best.has(name))) {
  const seconds = best.get(name);
  const line = { name, rows, seconds: Number(seconds.toFixed(2)), ratio: best.has(against) ? Number((seconds / best.get(against)).toFixed(2)) : null, peakMb: name.startsWith('millrace') ? Math.round(peaks.get(name)) : null, cpu: used.get(name) };
  console.log(json ? JSON.stringify(line) : `${name.padEnd(42)} ${String(line.seconds).padStart(8)} s ${line.ratio ? `${line.ratio}×`.padStart(8) : ''.padStart(8)} ${(line.peakMb ? `${line.peakMb} MB` : '').padStart(8)}   CPU s: ${Object.entries(line.cpu).map(([of, cpu]) => `${of} ${cpu}`).join(', ')}`);
}
await environment.stop();
rmSync(home, { recursive: true, force: true });
process.exit(0);
