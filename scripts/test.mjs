// `npm test`: sets everything up, then runs jest with the arguments given after `--`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

function jest(args, env = {}) {
  const { status } = spawnSync(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', NO_COLOR: '1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...process.env, ...env },
  });
  return status ?? 1;
}

/** Hundreds of tests wait for real servers: where nobody watches, a few files that failed are told and run once more, alone and from their start. */
function jestWithSecondTry(args) {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-failed-'));
  const list = path.join(folder, 'files');
  try {
    const status = jest(args, { MILLRACE_TEST_FAILED_FILES: list });
    const files = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];
    if (status === 0 || files.length === 0 || files.length > 5) return status;
    console.log(`\nfailed, and run once more alone:\n${files.map((file) => `  ${path.relative(root, file)}`).join('\n')}\n`);
    return jest([...args, '--maxWorkers', '1', '--runTestsByPath', ...files]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

installDependencies();
build();
const args = process.argv.slice(2);
process.exit(process.env.CI ? jestWithSecondTry(args) : jest(args));
