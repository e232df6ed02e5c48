// `node scripts/bench-files.mjs --megabytes N[,M…] [--json]`: gzip CSV and JSON Lines to Parquet through Millrace beside DuckDB's own COPY of the same file
// in the same run, and grok lines a second; seconds and CPU seconds, and the worker's peak memory, which must not grow with the size. Sizes are of the text, unpacked.
// Millrace's seconds are of the whole command, its start included.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { startEnvironment } = require('../lib/dev/environment.js');
const { openEngine } = require('../lib/transforms/duckdb-engine.js');

const option = (name, otherwise) => { const at = process.argv.indexOf(name); return at < 0 ? otherwise : process.argv[at + 1]; };
const sizes = option('--megabytes', '1000').split(',').map(Number);
const json = process.argv.includes('--json');
const home = mkdtempSync(path.join(tmpdir(), 'millrace-bench-files-'));
const inputs = path.join(home, 'in');
mkdirSync(inputs);

const row = (id) => [id, `customer ${id % 5000}`, (id * 1.37).toFixed(2), id % 3 === 0 ? '' : `a note of order ${id}, with words`, `2026-0${1 + (id % 9)}-1${id % 10}`, id % 2 === 0];
const kinds = {
  'orders.csv.gz': { head: 'id,customer,total,note,day,paid\n', line: (id) => { const [a, b, c, d, e, f] = row(id); return `${a},${b},${c},${d === '' ? '' : `"${d}"`},${e},${f}\n`; } },
  'orders.jsonl.gz': { head: '', line: (id) => { const [a, b, c, d, e, f] = row(id); return `{"id":${a},"customer":"${b}","total":${c},"note":${d === '' ? 'null' : JSON.stringify(d)},"day":"${e}","paid":${f}}\n`; } },
  'access.log': { head: '', line: (id) => `10.${id % 256}.${(id * 7) % 256}.${id % 199} - - [${10 + (id % 20)}/Oct/2026:10:${10 + (id % 50)}:05 +0200] "GET /products/${id % 1000}?ref=mail HTTP/1.1" 200 ${id % 70000} "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36"\n` },
};
async function make(name, megabytes) {
  const { head, line } = kinds[name];
  let [id, bytes] = [0, 0];
  const pieces = Readable.from((function* () {
    yield head;
    while (bytes < megabytes * 1e6) {
      let text = '';
      for (let at = 0; at < 5000; at += 1) text += line(id++);
      bytes += text.length;
      yield text;
    }
  })());
  const to = createWriteStream(path.join(inputs, name));
  await (name.endsWith('.gz') ? pipeline(pieces, createGzip({ level: 6 }), to) : pipeline(pieces, to));
  return { lines: id, megabytes: Math.round(bytes / 1e6) };
}

const environment = await startEnvironment({ home, postgres: false, log: (line) => console.error(line) });
writeFileSync(path.join(home, 'connections.yaml'), 'in: { connector: files, path: in }\nlake: { connector: files, path: lake }\n');
const engine = await openEngine({ memoryLimit: '2GB', tempFolder: path.join(home, 'temp'), tempLimit: '50GB', slots: 1, threads: 2 });
const always = new AbortController().signal;
const run = (name, words, proof = 'rows') => new Promise((resolve, reject) => {
  const file = path.join(home, `${name}.yaml`);
  writeFileSync(file, `pipeline: ${name}\nsource: in\ndestination: lake\nstreams:\n  - { to: ${name}, mode: full, write: replace, proof: ${proof}, ${words} }\n`);
  const child = spawn(process.execPath, [path.join(root, 'lib/client.js'), 'run', file, '--json'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, UV_THREADPOOL_SIZE: '16', MILLRACE_HOME: home, TEMPORAL_ADDRESS: environment.address } });
  let said = '';
  child.stdout.on('data', (chunk) => { said += chunk; });
  child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`run ended with ${code}: ${said.slice(-500)}`))));
});
/** CPU seconds of a process, its own threads together. */
const cpuOf = (pid) => { const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' '); return (Number(fields[11]) + Number(fields[12])) / 100; };
const peakOf = (pid) => Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
/** From here on the peak counts anew. */
const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** Seconds by the clock and of CPU, the latter of the given process. */
async function timed(pid, work) {
  const [start, cpu] = [performance.now(), cpuOf(pid)];
  await work();
  return { seconds: (performance.now() - start) / 1000, cpu: cpuOf(pid) - cpu };
}
async function measured(name, words, proof) {
  const pid = environment.workerPid();
  forgetPeak(pid);
  const took = await timed(pid, () => run(name, words, proof));
  return { ...took, peak: peakOf(pid) };
}
const copy = (from) => engine.session(always, (session) => session.run(`COPY (SELECT * FROM ${from}) TO '${path.join(home, 'copy.parquet').replaceAll("'", "''")}' (FORMAT parquet)`));
const quoted = (name) => `'${path.join(inputs, name).replaceAll("'", "''")}'`;
const say = (result) => console.log(json ? JSON.stringify(result) : Object.entries(result).map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 100) / 100 : value}`).join(', '));

try {
  for (const megabytes of sizes) {
    for (const [name, reader] of [['orders.csv.gz', 'read_csv'], ['orders.jsonl.gz', 'read_json']]) {
      const made = await make(name, megabytes);
      const duckdb = await timed(process.pid, () => copy(`${reader}(${quoted(name)})`));
      for (const proof of ['counts', 'rows']) {
        const millrace = await measured(`${name.replace(/\W/g, '_')}_${megabytes}_${proof}`, `stream: ${name}`, proof);
        say({ file: name, ...made, packed: Math.round(statSync(path.join(inputs, name)).size / 1e6), proof, duckdb_seconds: duckdb.seconds, millrace_seconds: millrace.seconds, ratio: duckdb.seconds / millrace.seconds, duckdb_cpu: duckdb.cpu, worker_cpu: millrace.cpu, cpu_ratio: duckdb.cpu / millrace.cpu, worker_peak_megabytes: millrace.peak });
      }
    }
    const made = await make('access.log', megabytes);
    for (const proof of ['counts', 'rows']) {
      const millrace = await measured(`access_log_${megabytes}_${proof}`, 'stream: access.log, format: { grok: { pattern: apache_combined } }', proof);
      say({ file: 'access.log', ...made, proof, millrace_seconds: millrace.seconds, lines_per_second: made.lines / millrace.seconds, worker_cpu: millrace.cpu, lines_per_cpu_second: made.lines / millrace.cpu, worker_peak_megabytes: millrace.peak });
    }
  }
} finally {
  await engine.close();
  await environment.stop?.();
  rmSync(home, { recursive: true, force: true });
}
process.exit(0);
