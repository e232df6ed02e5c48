import { Socket as DatagramSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { Misfit, SetupError, type ProgramSetup, type RowFunction } from './program';

/** A user's function: a row in, the named columns out. What it throws is the reason why the row is set aside. */
export async function js({ settings, file }: ProgramSetup): Promise<RowFunction> {
  const name = String(settings['function']);
  const outputs = Object.entries(settings['columns'] as Readonly<Record<string, readonly string[]>>);
  // The worker is its parent.
  process.kill = () => { throw new Error('signals are not sent from here'); };
  closeNetwork();
  const given = await load(file!);
  const work = (name === 'default' ? given['default'] ?? given : given[name]) as unknown;
  if (typeof work !== 'function') throw new SetupError(`"${String(settings['shown'])}" exports no function "${name}"; write "module.exports = (row) => ({ … })" or "export default"`);
  return async (values) => {
    const result: unknown = await call(work as (row: unknown) => unknown, values);
    if (typeof result !== 'object' || result === null || Array.isArray(result)) throw new Misfit('the function gives no object');
    return Object.fromEntries(outputs.flatMap(([column, names]) => {
      const value = told(column, () => (result as Record<string, unknown>)[column]);
      return names.map((given) => [given, value]);
    }));
  };
}

/** What a row becomes must follow from the row. Node's permissions do not cover the network; this closes the ways that a function takes without meaning harm. */
function closeNetwork(): void {
  const refuse = (): never => { throw new Error('there is no network for a function; "http_lookup" asks APIs'); };
  Socket.prototype.connect = refuse;
  DatagramSocket.prototype.bind = refuse;
  DatagramSocket.prototype.send = refuse;
  globalThis.fetch = refuse;
}

async function call(work: (row: unknown) => unknown, row: unknown): Promise<unknown> {
  try {
    return await work(row);
  } catch (error) {
    throw new Misfit(`the function fails: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What can be written down: what cannot costs this row, not the step. */
function told(column: string, read: () => unknown): unknown {
  try {
    const value = plain(read());
    JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner === 'string' && /\p{Cs}/u.test(inner)) throw new Error('it has half a character (a lone surrogate)');
      return inner;
    });
    return value;
  } catch (error) {
    throw new Misfit(`the function gives a "${column}" that cannot be written down: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}

/** Text keeps every digit; a BigInt has no JSON of its own. */
const plain = (value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : typeof value === 'number' && !Number.isFinite(value) ? String(value) : value ?? null);

async function load(file: string): Promise<Record<string, unknown>> {
  try {
    if (!file.endsWith('.mjs')) return createRequire(file)(file) as Record<string, unknown>;
    // Written so that the compiler leaves a real import.
    return await (new Function('url', 'return import(url)') as (url: string) => Promise<Record<string, unknown>>)(pathToFileURL(file).href);
  } catch (error) {
    throw new SetupError(`loading "${file.split(/[\\/]/).at(-1)}": ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}
