// Makes a checkout ready to run: dependencies as locked, and the build. Uses nothing but Node, since nothing is installed yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.status !== 0) {
    console.error(`running "${command} ${args.join(' ')}" failed; mend what it says above and run this again`);
    process.exit(result.status ?? 1);
  }
}

function once(stamp, key, work) {
  const file = path.join(root, stamp);
  if (existsSync(file) && readFileSync(file, 'utf8') === key) return;
  work();
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, key);
}

const hashOf = (files) => files.reduce((hash, file) => hash.update(file).update(readFileSync(path.join(root, file))), createHash('sha256')).digest('hex');

function filesUnder(folder) {
  return readdirSync(path.join(root, folder)).sort().flatMap((name) => {
    const file = path.join(folder, name);
    return statSync(path.join(root, file)).isDirectory() ? filesUnder(file) : [file];
  });
}

export function installDependencies() {
  once('node_modules/.millrace-installed', hashOf(['package-lock.json']), () => {
    console.log('installing dependencies …');
    run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel', 'error']);
  });
}

export function build() {
  once('lib/.built', hashOf(['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...filesUnder('src')]), () => {
    console.log('building …');
    run('npm', ['run', '--silent', 'build']);
  });
}
