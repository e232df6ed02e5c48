// A worker for the crash tests, as a process of its own: `src/worker.ts` as it was built, but
// - it waits for one line on its input, the variables to work with, so that it is ready at once when its predecessor has been killed;
// - the files named in MILLRACE_TEST_PATCHES are changed while they are loaded (a mutant), so that no production code carries a switch;
// - it says on its output which activity attempts have ended.
const Module = require('node:module');
const path = require('node:path');
const readline = require('node:readline');

const lib = path.resolve(__dirname, '../../lib');
const patches = JSON.parse(process.env.MILLRACE_TEST_PATCHES || '[]');
const left = new Set(patches);
const compile = Module.prototype._compile;
Module.prototype._compile = function patched(source, file) {
  let text = source;
  for (const patch of patches.filter((one) => path.join(lib, one.file) === file)) {
    if (!text.includes(patch.find)) throw new Error(`the mutant of ${patch.file} finds no: ${patch.find}`);
    text = text.replaceAll(patch.find, () => patch.put);
    left.delete(patch);
  }
  return compile.call(this, text, file);
};

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const activities = require(path.join(lib, 'activities/index.js'));
const create = activities.createActivities;
let running = 0;
activities.createActivities = (dependencies) => Object.fromEntries(Object.entries(create(dependencies)).map(([name, activity]) => [name, async (input) => {
  running += 1;
  try {
    return await activity(input);
  } finally {
    running -= 1;
    say({ ended: name, running });
  }
}]));
const { runWorker } = require(path.join(lib, 'worker.js'));
const { readEnvironment } = require(path.join(lib, 'config/environment.js'));
// Connectors load when they are first opened: what a mutant changes of one is loaded now.
for (const { file } of left) if (file.startsWith('connectors/')) require(path.join(lib, file));
if (left.size > 0) throw new Error(`the mutant changes files that no worker loads: ${[...left].map(({ file }) => file).join(', ')}`);

const input = readline.createInterface({ input: process.stdin });
input.once('line', (line) => {
  Object.assign(process.env, JSON.parse(line));
  runWorker(readEnvironment()).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
  });
});
// Nobody will ever start it: whoever prepared it is gone.
input.once('close', () => process.exit(0));
