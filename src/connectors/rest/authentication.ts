import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { RestConfig } from './config';
import { shown } from './address';

/** Headers that let a request in. `renew`: after a 401; false: there is nothing to renew. */
export interface Authentication {
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  renew(): boolean;
}

export function authenticationOf({ auth, timeout }: RestConfig): Authentication {
  const fixed = (headers: Readonly<Record<string, string>>): Authentication => ({ headers: async () => headers, renew: () => false });
  switch (auth.type) {
    case 'none': return fixed({});
    case 'header': return fixed({ [auth.name]: auth.value });
    case 'bearer': return fixed({ authorization: `Bearer ${auth.token}` });
    case 'basic': return fixed({ authorization: `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}` });
    case 'oauth2': return oauth(auth, timeout * 1000);
  }
}

type OAuth = Extract<RestConfig['auth'], { readonly type: 'oauth2' }>;

function oauth(auth: OAuth, timeout: number): Authentication {
  const named = { client_id: auth.client_id, client_secret: auth.client_secret, scope: auth.scope, refresh_token: auth.grant === 'refresh_token' ? auth.refresh_token : undefined };
  const given = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return tokenAuthentication(auth.token_url, () => ({ grant_type: auth.grant, ...Object.fromEntries(given) }), timeout);
}

/** A token of OAuth, asked for when it is needed. @param fields of the form that asks for it. */
export function tokenAuthentication(address: string, fields: () => Readonly<Record<string, string>>, timeout: number): Authentication {
  let token: { readonly text: string; readonly until: number } | null = null;
  return {
    async headers(signal) {
      if (token === null || token.until <= Date.now()) token = await askForToken(address, fields(), AbortSignal.any([signal, AbortSignal.timeout(timeout)]), signal);
      return { authorization: `Bearer ${token.text}` };
    },
    renew() { token = null; return true; },
  };
}

async function askForToken(address: string, fields: Readonly<Record<string, string>>, signal: AbortSignal, outer: AbortSignal): Promise<{ readonly text: string; readonly until: number }> {
  const where = `asking "${shown(address)}" for a token`;
  const body = new URLSearchParams(fields);
  let answer: { readonly status: number; readonly content: unknown };
  try {
    const response = await fetch(address, { method: 'POST', body, signal, redirect: 'error', headers: { accept: 'application/json' } });
    answer = { status: response.status, content: await response.json().catch(() => null) };
  } catch {
    outer.throwIfAborted();
    throw new SourceUnavailableError(`${where}: the server cannot be reached; the run goes on by itself`);
  }
  if (answer.status === 429 || answer.status >= 500) throw new SourceUnavailableError(`${where}: the server answered ${answer.status}; the run goes on by itself`);
  const { access_token: text, expires_in: lives } = (answer.content ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (answer.status >= 400 || typeof text !== 'string') throw new SourceHeldError(`${where}: it was refused (${answer.status}); correct "auth" of the connection, then "millrace resume"`);
  // A token that would expire on the way is renewed before.
  return { text, until: Date.now() + Math.max(0, (Number(lives) || 3600) - 30) * 1000 };
}
