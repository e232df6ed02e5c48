#!/usr/bin/env node
// libuv's thread pool is fixed when Node starts, and DuckDB's queries run in it: so Node is started again with enough threads.
'use strict';
const { spawn } = require('node:child_process');
const path = require('node:path');

const child = spawn(process.execPath, [path.join(__dirname, '../lib/client.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  // With a heap for each of its threads (the C library's own choice) the memory of a worker grows with each query: what one has freed another does not take.
  // The AWS SDK tells on each start which Node it will need one day; package.json says which one is needed now.
  env: { UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...process.env, MILLRACE_LAUNCHER: String(process.pid) },
});
// The terminal sends Ctrl-C to both; we wait for what the child makes of it.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
