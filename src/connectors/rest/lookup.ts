import { readFile, stat } from 'node:fs/promises';
import { EtlError } from '../../domain/errors';
import type { ConnectorContext, Lookup, Looked } from '../connector';
import { shown } from './address';
import { authenticationOf } from './authentication';
import { openClient } from './client';
import type { RestConfig } from './config';
import { judgeAnswer } from './rules';

/** An answer for one row is small; what is bigger is another thing than was meant. */
const mostBytes = 1024 * 1024;

/** Single answers of an API, by the same client as its pages: authentication, rate limit, waits and redirects are the connection's. */
export async function openRestLookup(config: RestConfig, context: ConnectorContext): Promise<Lookup> {
  const authentication = authenticationOf(config);
  const base = config.url.replace(/\/+$/, '');
  return {
    async ask({ address, shownAs, to }, signal) {
      let verdict: Looked = { state: 'found', reason: null };
      const client = openClient(config, context, {
        authentication,
        async judge(answer) {
          // Not by the engine: a step runs while its session is open, and there may be but one.
          verdict = await judged(config, { ...answer, member: async (path) => memberOf(await readFile(to, 'utf8'), path) });
          return 'page';
        },
      });
      await client.get(new URL(`${base}${address}`).href, to, signal, { method: 'GET', where: `${shown(base).replace(/\/+$/, '')}${shownAs}` });
      if (verdict.state !== 'found') return verdict;
      return (await stat(to)).size > mostBytes ? { state: 'refused', reason: `the answer has more than ${mostBytes} bytes` } : verdict;
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
