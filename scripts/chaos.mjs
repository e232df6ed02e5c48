// `npm run test:chaos`: the crash suites with every case, then random kills. With `-- --kills N --seed S` the random kills alone.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

const option = (name) => { const at = process.argv.indexOf(name); return at < 0 ? undefined : process.argv[at + 1]; };
const kills = option('--kills') ?? '40';
const seed = option('--seed') ?? String(Math.floor(Math.random() * 2 ** 31));
for (const [name, value] of [['--kills', kills], ['--seed', seed]]) {
  if (!/^\d+$/.test(value)) {
    console.error(`reading the options: ${name} is "${value}", it must be a whole number`);
    process.exit(4);
  }
}

installDependencies();
build();
const jest = (args, variables) => spawnSync(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), ...args], {
  cwd: root, stdio: 'inherit', env: { UV_THREADPOOL_SIZE: '16', ...process.env, ...variables },
}).status ?? 1;

const suites = process.argv.includes('--kills') || process.argv.includes('--seed') ? 0 : jest(['test/chaos', 'test/quarantine'], { MILLRACE_CHAOS: 'all' });
const chance = jest(['--testMatch', '<rootDir>/test/chaos/random.chaos.ts'], { MILLRACE_CHAOS_KILLS: kills, MILLRACE_CHAOS_SEED: seed });
console.error(`random kills: ${kills}, seed ${seed}: ${chance === 0 ? 'exact rows each time' : 'FAILED'}`);
process.exit(suites || chance);
