import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { RestConfig } from './config';
import { shown } from './address';
import { exchange } from './exchange';
import { fitsHeader } from './header';

/** What lets a request in. */
export interface Authentication {
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** After a 401, with the headers that got it: requests side by side renew a token once. False: there is nothing to renew. */
  renew(refused: Readonly<Record<string, string>>): boolean;
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
  let asking: Promise<Token> | null = null;
  let token: Token | null = null;
  const ask = (signal: AbortSignal): Promise<Token> => {
    asking ??= askForToken(address, fields(), AbortSignal.any([signal, AbortSignal.timeout(timeout)]), signal).finally(() => { asking = null; });
    return asking;
  };
  const headerOf = ({ text }: Token): Readonly<Record<string, string>> => ({ authorization: `Bearer ${text}` });
  return {
    async headers(signal) {
      if (token === null || token.until <= Date.now()) token = await ask(signal);
      return headerOf(token);
    },
    renew(refused) {
      if (token !== null && headerOf(token)['authorization'] === refused['authorization']) token = null;
      return true;
    },
  };
}

interface Token { readonly text: string; readonly until: number }

async function askForToken(address: string, fields: Readonly<Record<string, string>>, signal: AbortSignal, outer: AbortSignal): Promise<Token> {
  const where = `asking "${shown(address)}" for a token`;
  let answer: { readonly status: number; readonly content: unknown };
  try {
    const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'millrace' });
    const { status, body } = await exchange(address, { method: 'POST', headers, body: new URLSearchParams(fields).toString(), signal });
    answer = { status, content: await contentOf(body) };
  } catch {
    outer.throwIfAborted();
    throw new SourceUnavailableError(`${where}: the server cannot be reached; the run goes on by itself`);
  }
  if (answer.status === 429 || answer.status >= 500) throw new SourceUnavailableError(`${where}: the server answered ${answer.status}; the run goes on by itself`);
  const { access_token: text, expires_in: lives } = (answer.content ?? {}) as { access_token?: unknown; expires_in?: unknown };
  // A redirect is not followed: whoever it names would get the credentials.
  if (answer.status >= 300 || typeof text !== 'string' || !fitsHeader(text)) throw new SourceHeldError(`${where}: it was refused (${[answer.status, ...wordOf(answer.content)].join(', ')}); correct "auth" of the connection, then "millrace resume RUN"`);
  // A token that would expire on the way is renewed before.
  return { text, until: Date.now() + Math.max(0, (Number(lives) || 3600) - 30) * 1000 };
}

/** More is no token. */
const longestToken = 1_000_000;

/** JSON, or null where it is none. */
async function contentOf(body: AsyncIterable<Buffer>): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    if ((length += piece.length) > longestToken) return null;
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    return null;
  }
}

/** The reason as OAuth words it, such as invalid_grant; nothing that could repeat a secret. */
function wordOf(content: unknown): readonly string[] {
  const { error } = (content ?? {}) as { error?: unknown };
  return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? [error] : [];
}
