// `node scripts/bench-trust.mjs --rows N [--rounds R] [--json]`: what rejects, checks and balance cost over the same SQL without them: of rows that are all in order, and
// where one in five hundred is set aside.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, installDependencies } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { openEngine } = require('../lib/transforms/duckdb-engine.js');
const { openLocalStaging } = require('../lib/stores/local-staging.js');
const { writeQuarantine } = require('../lib/stores/quarantine.js');
const { createRejects, runChain } = require('../lib/transforms/run-chain.js');
const { stepSpecSchema } = require('../lib/transforms/registry.js');
const { checkSpecSchema } = require('../lib/checks/registry.js');

const option = (name, otherwise) => { const at = process.argv.indexOf(name); return at < 0 ? otherwise : process.argv[at + 1]; };
const rows = Number(option('--rows', '2000000'));
const rounds = Number(option('--rounds', '3'));
const folder = mkdtempSync(path.join(tmpdir(), 'millrace-trust-'));
const engine = await openEngine({ memoryLimit: '1GB', tempFolder: path.join(folder, 'temp'), tempLimit: '20GB', slots: 1, threads: 1 });
const staging = await openLocalStaging(path.join(folder, 'staging'));
const session = (work) => engine.session(new AbortController().signal, work);
const perBatch = 1_000_000;

// One batch after another, as a run does; one row in fifty is filtered.
const landingOf = (name) => path.join(folder, `${name}-landing.parquet`);
const inputs = { clean: ['false', 'false'], dirty: ['n % 1000 = 7', 'n % 1000 = 8'] };
for (const [name, [noNumber, noDay]] of Object.entries(inputs)) await session((one) => one.run(`COPY (SELECT n AS id, CASE WHEN ${noNumber} THEN 'x' ELSE (n * 1.01)::DECIMAL(12,2)::VARCHAR END AS total, ' note number ' || n || ' ' AS note, CASE WHEN ${noDay} THEN 'never' ELSE strftime(DATE '2020-01-01' + (n % 2000)::INT, '%Y-%m-%d') END AS day, n % 50 AS region, md5(n::VARCHAR) AS code FROM range(${rows}) r(n)) TO '${landingOf(name)}' (FORMAT parquet)`));
const steps = [
  ['trim', { columns: ['note'] }], ['cast', { columns: { total: 'DECIMAL(12,2)' } }], ['parse_timestamp', { column: 'day', format: '%Y-%m-%d', as: 'date' }], ['filter', { where: 'region > 0' }], ['add', { columns: { net: 'total * 0.81' } }],
].map(([name, options]) => ({ name, options: stepSpecSchema(name).parse(options) }));
const checks = [['not_null', { columns: ['id', 'code'], on_fail: 'quarantine' }], ['range', { column: 'region', min: 0, max: 50, on_fail: 'warn' }]].map(([name, options]) => ({ name, options: checkSpecSchema(name).parse(options) }));
const columns = [['id', 'BIGINT'], ['total', 'VARCHAR'], ['note', 'VARCHAR'], ['day', 'VARCHAR'], ['region', 'BIGINT'], ['code', 'VARCHAR']].map(([name, type]) => ({ name, type, nullable: true }));
const to = (name) => `TO '${path.join(folder, `${name}.parquet`)}' (FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 1000)`;
const batches = Array.from({ length: Math.ceil(rows / perBatch) }, (_, index) => `WHERE id >= ${index * perBatch} AND id < ${(index + 1) * perBatch}`);

/** The same work as a person would write it, trusting the rows. */
const plain = (landing, where) => session((one) => one.run(`COPY (SELECT id, TRY_CAST(trim(total) AS DECIMAL(12,2)) AS total, regexp_replace(note, '^[\\s\\p{Z}]+|[\\s\\p{Z}]+$', '', 'g') AS note, CAST(try_strptime(trim(day), '%Y-%m-%d') AS DATE) AS day, region, code, TRY_CAST(trim(total) AS DECIMAL(12,2)) * 0.81 AS net FROM read_parquet('${landing}') ${where} AND region > 0) ${to('plain')}`));
const trusted = (landing, where) => session(async (one) => {
  await one.run(`CREATE TEMP VIEW input AS SELECT *, id AS _millrace_position FROM read_parquet('${landing}') ${where}`);
  await createRejects(one, 'rejects');
  const chain = await runChain({ session: one, relation: 'input', columns, steps, firstStep: 0, checks, references: {}, rejects: 'rejects', positions: true, readOnce: true });
  const out = await one.changed(`COPY (SELECT ${chain.columns.map(({ name }) => `"${name}"`).join(', ')} FROM "${chain.relation}") ${to('trusted')}`);
  const { close } = await chain.finish();
  await writeQuarantine({ session: one, staging, batch: 'bench', rejects: 'rejects', structural: [], raw: { relation: 'input', columns: columns.map(({ name }) => name) }, origins: [] });
  for (const line of close(out)) if (line.in !== line.out + line.rejected + line.filtered) throw new Error(`${line.step} does not close`);
});

const lines = [];
for (const name of Object.keys(inputs)) {
  const seconds = { plain: Infinity, trusted: Infinity };
  /** On a machine that does other things besides, the CPU's seconds say more than the clock's. */
  const cpu = { plain: Infinity, trusted: Infinity };
  for (let round = 0; round < rounds; round += 1) {
    for (const [way, work] of Object.entries({ plain, trusted })) {
      const before = process.hrtime.bigint();
      const used = process.cpuUsage();
      for (const where of batches) await work(landingOf(name), where);
      const { user, system } = process.cpuUsage(used);
      cpu[way] = Math.min(cpu[way], (user + system) / 1e6);
      seconds[way] = Math.min(seconds[way], Number(process.hrtime.bigint() - before) / 1e9);
    }
  }
  const costOf = (of) => Math.round((of.trusted / of.plain - 1) * 100);
  lines.push({ name: `cost of trust, ${name} rows`, rows, plain: Number(seconds.plain.toFixed(2)), trusted: Number(seconds.trusted.toFixed(2)), percent: costOf(seconds), cpuPercent: costOf(cpu) });
}
await engine.close();
rmSync(folder, { recursive: true, force: true });
for (const line of lines) console.log(process.argv.includes('--json') ? JSON.stringify(line) : `${line.name}, ${rows} of them: ${line.plain} s of SQL alone, ${line.trusted} s with rejects, checks and balance: ${line.percent} % (CPU: ${line.cpuPercent} %)`);
process.exit(0);
