import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { createBrotliDecompress, createInflate } from 'node:zlib';

export interface Exchange {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** The head of an answer, and its bytes as they come. Whoever does not read them to the end destroys them. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

// Connections that are idle for longer are closed by us, before the server does so just when it is asked again.
const kept = { keepAlive: true, timeout: 4_000 };
const [http, https] = [new HttpAgent(kept), new HttpsAgent(kept)];

/**
 * One request and its answer. Not by `fetch`, which takes packed bytes that break off for whole ones (verified: half a gzip gave half the records and no error),
 * waits no longer than five minutes whatever is asked for, and repeats headers, which hold the credentials, in its messages.
 */
export const exchange = (address: string, { method, headers, body, signal }: Exchange): Promise<Reply> => new Promise((resolve, reject) => {
  const secure = new URL(address).protocol === 'https:';
  const request = (secure ? requestHttps : requestHttp)(address, { method, headers: Object.fromEntries(headers), signal, agent: secure ? https : http });
  request.once('response', (response) => {
    try {
      resolve({ status: response.statusCode!, headers: headersOf(response), body: response });
    } catch (error) {
      response.destroy();
      reject(error);
    }
  });
  // Once there is an answer, what breaks it off is told by its body.
  request.on('error', reject);
  request.end(body);
});

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(headersDistinct)) for (const value of values ?? []) headers.append(name, value);
  return headers;
}

/** What unpacks bytes that were packed for the way in another form than gzip, which its first bytes tell. */
export function unpackerOf(headers: Headers): Duplex | null {
  switch (headers.get('content-encoding')?.trim().toLowerCase()) {
    case 'br': return createBrotliDecompress();
    case 'deflate': return createInflate();
    default: return null;
  }
}
