import { readFile, stat } from 'node:fs/promises';
import { EtlError } from '../../domain/errors';
import type { ConnectorContext, Lookup, Looked } from '../connector';
import { openClient } from './client';
import type { RestConfig } from './config';
import { judgeAnswer } from './rules';

/** An answer for one row is small; what is bigger is another thing than was meant. */
const mostBytes = 1024 * 1024;

/** Single answers of an API, by the same client as its pages: authentication, rate limit, waits and redirects are the connection's. */
export async function openRestLookup(config: RestConfig, context: ConnectorContext): Promise<Lookup> {
  const places = new Map<string, string>();
  const verdicts = new Map<string, Looked>();
  const client = openClient(config, context, {
    async judge(answer) {
      verdicts.set(answer.address, await judged(config, { ...answer, member: async (path) => memberOf(await readFile(places.get(answer.address)!, 'utf8'), path) }));
      return 'page';
    },
  });
  const base = config.url.replace(/\/+$/, '');
  return {
    async ask({ address, shownAs, to }, signal) {
      const url = new URL(`${base}${address}`).href;
      places.set(url, to);
      try {
        await client.get(url, to, signal);
        const verdict = verdicts.get(url)!;
        if (verdict.state !== 'found') return verdict;
        return (await stat(to)).size > mostBytes ? { state: 'refused', reason: `the answer has more than ${mostBytes} bytes` } : verdict;
      } catch (error) {
        // The path holds a row's value.
        if (EtlError.is(error)) error.message = error.message.replace(/"https?:\/\/[^"]*"/g, `"${base}${shownAs}"`);
        throw error;
      } finally {
        places.delete(url);
        verdicts.delete(url);
      }
    },
  };
}

/** What is the row's own matter does not stop the others: it is not there, or the server refuses this one. */
async function judged(config: RestConfig, answer: Parameters<typeof judgeAnswer>[1]): Promise<Looked> {
  try {
    return { state: (await judgeAnswer(config, answer)) === 'nothing' ? 'missing' : 'found', reason: null };
  } catch (error) {
    const { status } = answer;
    if (!EtlError.is(error) || error.disposition !== 'hold' || status < 400 || status === 401 || status === 403 || status >= 500) throw error;
    return status === 404 || status === 410 ? { state: 'missing', reason: null } : { state: 'refused', reason: `the server answered ${status}` };
  }
}

function memberOf(text: string, path: string): string | null {
  try {
    const found = path.split('.').reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined), JSON.parse(text));
    return found === undefined || found === null ? null : typeof found === 'object' ? JSON.stringify(found) : String(found as string | number | boolean);
  } catch {
    return null;
  }
}
