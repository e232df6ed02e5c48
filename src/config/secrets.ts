import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError } from '../domain/errors';
import type { Json } from '../domain/json';
import { environmentVariable } from './environment';

const reference = /\$\{([^}]*)\}/g;

export const holdsReference = (value: unknown): boolean => typeof value === 'string' && value.includes('${');

/** What is wrong with the references in a text, without looking behind them; null: nothing. */
export function referenceProblem(text: string): string | null {
  for (const [whole, inner = ''] of text.matchAll(reference)) {
    const [scheme, name] = parted(inner);
    if (scheme === 'secret') return `"${whole}": \${secret:…} is not available yet; use \${env:NAME} or \${file:PATH}`;
    if ((scheme !== 'env' && scheme !== 'file') || name === '') return `unknown reference "${whole}"; write \${env:NAME} or \${file:PATH}`;
  }
  return text.replace(reference, '').includes('${') ? 'a reference is not closed with "}"' : null;
}

/** Puts in what `${env:NAME}` and `${file:PATH}` stand for, at any depth. Paths are relative to `folder`. */
export async function resolveReferences(value: Json, folder: string, connection: string): Promise<Json> {
  if (typeof value === 'string') return resolveText(value, folder, connection);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return Promise.all((value as readonly Json[]).map((item) => resolveReferences(item, folder, connection)));
  const entries = Object.entries(value).map(async ([key, inner]) => [key, await resolveReferences(inner as Json, folder, connection)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function resolveText(text: string, folder: string, connection: string): Promise<string> {
  const problem = referenceProblem(text);
  if (problem) throw new ConfigurationError(`opening connection "${connection}": ${problem}`, { connection });
  const found = [...text.matchAll(reference)];
  const values = await Promise.all(found.map(([, inner = '']) => valueOf(inner, folder, connection)));
  let next = 0;
  return text.replace(reference, () => values[next++] ?? '');
}

async function valueOf(inner: string, folder: string, connection: string): Promise<string> {
  const [scheme, name] = parted(inner);
  return scheme === 'env' ? variableOf(name, connection) : fileOf(name, folder, connection);
}

function variableOf(name: string, connection: string): string {
  const value = environmentVariable(name);
  if (value === undefined) throw new ConfigurationError(`opening connection "${connection}": environment variable "${name}" is not set on the worker; ${whoSets(name)}`, { connection, variable: name });
  return value;
}

/** Of the example pipelines: their variables are set by what starts the databases and stand-ins too. */
function whoSets(name: string): string {
  if (name === 'MILLRACE_DEMO_POSTGRES') return 'it is set by "npm run demo" and "millrace dev --postgres": keep one of them up, or set it to the URL of a database of yours';
  if (name.startsWith('MILLRACE_DEMO_')) return 'it is set by "npm run demo": keep it up';
  return 'set it, and start the worker again where one is up';
}

async function fileOf(name: string, folder: string, connection: string): Promise<string> {
  try {
    // Secret files end with a newline that is not part of the secret.
    return (await readFile(path.resolve(folder, name), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigurationError(`opening connection "${connection}": file "${name}" cannot be read on the worker (${(error as NodeJS.ErrnoException).code ?? 'error'}); create it or correct the path in connections.yaml`, { connection, file: name });
  }
}

function parted(inner: string): readonly [scheme: string, name: string] {
  const at = inner.indexOf(':');
  return at < 0 ? ['', inner] : [inner.slice(0, at), inner.slice(at + 1).trim()];
}
