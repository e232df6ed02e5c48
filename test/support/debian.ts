import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Set where nothing may be left out, as on a build server: a program that cannot be had is then an error. */
const demanded = (): boolean => (process.env['MILLRACE_TEST_REQUIRE_SERVERS'] ?? '') !== '';
const known = new Map<string, boolean>();

/** Whether a program of a Debian package is there, installed for root where it is not; says loudly how to get it where that fails. */
export function debianPackage(name: string, program: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const there = existsSync(program) || installed(name, program);
  known.set(name, there);
  const missing = `there is no ${program}; "apt-get install ${name}" as root brings it`;
  if (!there && demanded()) throw new Error(`testing with ${name}: ${missing} (MILLRACE_TEST_REQUIRE_SERVERS demands it)`);
  if (!there) process.stderr.write(`\n*** NOT TESTED: ${missing} ***\n\n`);
  return there;
}

function installed(name: string, program: string): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe', env });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { stdio: 'pipe', env });
  } catch (error) {
    process.stderr.write(`installing ${name} failed: ${String((error as { stderr?: Buffer }).stderr ?? error).slice(-500)}\n`);
  }
  return existsSync(program);
}

/** Tests of a server that may not be there: then shown as skipped. */
export const testOn = (available: boolean): jest.It => (available ? test : test.skip);
