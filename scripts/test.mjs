// `npm test`: sets everything up, then runs jest with the arguments given after `--`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const jest = spawnSync(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { UV_THREADPOOL_SIZE: '16', NO_COLOR: '1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...process.env },
});
process.exit(jest.status ?? 1);
