import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Connection } from 'pg';
import { copyOutStream } from '../../src/connectors/postgres/copy-stream';

/** Whatever the pieces are in which the network hands over a server's messages, the same bytes come out, and what follows goes back to the session. */
const message = (code: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(code, 0, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const random = (seed: number) => () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };

async function streamed(pieces: readonly Buffer[]): Promise<{ readonly rows: Buffer; readonly after: Buffer }> {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  const after: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => after.push(chunk));
  const copied = copyOutStream('COPY t TO STDOUT');
  copied.submit({ stream, query: () => undefined } as unknown as Connection);
  const rows = buffer(copied);
  for (const piece of pieces) {
    stream.write(piece);
    await new Promise(setImmediate);
  }
  stream.end();
  return { rows: await rows, after: Buffer.concat(after) };
}

test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))('the rows of messages cut anywhere, %i', async (seed) => {
  const next = random(seed * 7919);
  const rows = Array.from({ length: Math.floor(next() * 200) }, () => Buffer.alloc(Math.floor(next() ** 4 * 5000), Math.floor(next() * 256)));
  const sent = Buffer.concat([
    message('H', Buffer.from([0, 0, 1, 0, 0])),
    ...rows.flatMap((row, index) => [message('d', row), ...(index % 37 === 5 ? [message('N', Buffer.from('SNOTICE\0\0')), message('S', Buffer.from('TimeZone\0UTC\0'))] : [])]),
    message('c', Buffer.alloc(0)), message('C', Buffer.from(`COPY ${rows.length}\0`)), message('Z', Buffer.from('I')),
  ]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < sent.length;) {
    const end = at + 1 + Math.floor(next() ** 3 * 3000);
    pieces.push(Buffer.from(sent.subarray(at, end)));
    at = end;
  }
  const { rows: taken, after } = await streamed(pieces);
  expect(taken.equals(Buffer.concat(rows))).toBe(true);
  expect(after.toString('latin1')).toContain(`COPY ${rows.length}`);
  expect(after.toString('latin1').endsWith('I')).toBe(true);
});
