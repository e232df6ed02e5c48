import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether a program of a Debian package is there, installed for root where it is not; says loudly how to get it where that fails. */
export function debianPackage(name: string, program: string): boolean {
  if (existsSync(program)) return true;
  const how = `"apt-get install ${name}" as root`;
  if (process.getuid?.() === 0) {
    try {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe', env });
      execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { stdio: 'pipe', env });
    } catch (error) {
      process.stderr.write(`installing ${name} failed: ${String((error as { stderr?: Buffer }).stderr ?? error).slice(-500)}\n`);
    }
  }
  if (existsSync(program)) return true;
  process.stderr.write(`\n*** NOT TESTED: there is no ${program}; ${how} brings it ***\n\n`);
  return false;
}
