import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { Misfit, type ProgramSetup, type RowFunction } from './program';

type Start = (setup: ProgramSetup) => RowFunction | Promise<RowFunction>;

/** What a child process runs: one order on standard input, rows from one file, answers into another. Each is loaded when it is wanted: a user's function may read nothing else. */
const programs: Readonly<Record<string, () => Promise<Start>>> = {
  charset: async () => (await import('./charset.js')).charset,
  crypt: async () => (await import('./crypt.js')).crypt,
  decompress: async () => (await import('./decompress.js')).decompress,
  js: async () => (await import('./js.js')).js,
  normalize: async () => (await import('./normalize.js')).normalize,
  parse: async () => (await import('./parse.js')).parse,
  unarchive: async () => (await import('./unarchive.js')).unarchive,
};

interface Order extends ProgramSetup {
  readonly program: string;
  readonly input: string;
  readonly output: string;
  readonly longestLine: number;
}

async function run(): Promise<void> {
  const order = JSON.parse(await standardInput()) as Order;
  const work = await (await programs[order.program]!())(order);
  // The clock of the first row starts here.
  process.stdout.write('0\n');
  const output = createWriteStream(order.output);
  let text = '';
  let told = Date.now();
  let rows = 0;
  for await (const line of createInterface({ input: createReadStream(order.input, { highWaterMark: 1 << 18 }), crlfDelay: Infinity })) {
    text += await answer(JSON.parse(line) as Record<string, unknown>, work, order.longestLine);
    rows += 1;
    if (text.length > 1 << 18) {
      if (!output.write(text)) await once(output, 'drain');
      text = '';
    }
    if (Date.now() - told > 200) {
      told = Date.now();
      process.stdout.write(`${rows}\n`);
    }
  }
  output.end(text);
  await once(output, 'finish');
}

/** One line per row: its number, and values or the reason why there are none. */
async function answer({ '#': row, ...values }: Record<string, unknown>, work: RowFunction, longest: number): Promise<string> {
  let line: string;
  try {
    line = JSON.stringify({ '#': row, v: await work(values) });
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    line = JSON.stringify({ '#': row, e: error.message.slice(0, 300) });
  }
  return line.length > longest ? `${JSON.stringify({ '#': row, e: 'gives more than 32 MB' })}\n` : `${line}\n`;
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.name === 'SetupError' ? `MILLRACE: ${error.message}` : String(error.stack)) : String(error)}\n`);
  process.exit(1);
});
