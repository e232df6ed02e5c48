import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answering = (url: URL, request: IncomingMessage, response: ServerResponse) => void;

/** A small web server that a test tells what to answer, and that counts what it was asked. */
export interface RestServer {
  readonly url: string;
  /** Paths with their queries, in order. */
  readonly asked: string[];
  answer: Answering;
  close(): void;
}

export async function openRestServer(): Promise<RestServer> {
  const server = createServer((request, response) => {
    opened.asked.push(request.url!);
    opened.answer(new URL(request.url!, opened.url), request, response);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const opened = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: [] as string[], answer: ((_url, _request, response) => response.writeHead(404).end()) as Answering,
    close: () => { server.closeAllConnections(); server.close(); },
  };
  return opened;
}

export const sendJson = (response: ServerResponse, content: unknown, headers: Record<string, string> = {}): void => void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(content));

/** Records `from` … of `total`, `size` at most. */
export const records = (from: number, size: number, total: number): readonly { readonly id: number; readonly name: string }[] =>
  Array.from({ length: Math.max(0, Math.min(size, total - from)) }, (_unused, index) => ({ id: from + index, name: `name ${from + index}` }));
