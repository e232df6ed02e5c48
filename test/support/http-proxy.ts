import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of one request: passed on; passed on with its answer thrown away, or broken off after a mebibyte; or cut off before it is passed on. */
export type Verdict = 'pass' | 'lose-answer' | 'break-off' | 'cut-off';

export interface HttpProxy {
  readonly url: string;
  /** `PUT /bucket/key?partNumber=1`, in the order of arrival. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Stands between a client and a real server; the Host header stays, since signatures cover it. */
export async function openProxy(target: string, judge: (request: string) => Verdict = () => 'pass'): Promise<HttpProxy> {
  const requests: string[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((incoming: IncomingMessage, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`;
    requests.push(line);
    const verdict = judge(line);
    if (verdict === 'cut-off') return void incoming.socket.destroy();
    const onward = send({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      if (verdict === 'lose-answer') return void answer.resume().on('end', () => incoming.socket.destroy());
      outgoing.writeHead(answer.statusCode!, answer.headers);
      if (verdict === 'break-off') return void breakOff(answer, outgoing);
      answer.pipe(outgoing);
    });
    onward.on('error', () => incoming.socket.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
}

/** What has been sent arrives, then the connection is closed, as by a server that dies in an orderly way. */
function breakOff(answer: IncomingMessage, outgoing: ServerResponse): void {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    if (bytes > 1 << 20) return;
    bytes += chunk.length;
    outgoing.write(chunk, () => { if (bytes > 1 << 20) outgoing.socket?.end(); });
  });
}
