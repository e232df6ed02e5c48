import { gzipSync } from 'node:zlib';
import { cases } from '../corpus/cases';
import { filesBelow, openBench, type Bench } from '../support/files';

/** Files of the corpus, damaged by chance, the same on each run; MILLRACE_FUZZ_ROUNDS for longer, MILLRACE_FUZZ_SEED for others. */
const rounds = Number(process.env['MILLRACE_FUZZ_ROUNDS'] ?? 60);
let state = Number(process.env['MILLRACE_FUZZ_SEED'] ?? 7);
const random = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const splinters = ['"', '\n', '\r', ',', '\0', '\u00e9', '{', '}', '<', '>', '&', '\\', '\xff', "'", '\t', '0', '\u{1F600}'].map((text) => Buffer.from(text, text === '\xff' ? 'latin1' : 'utf8'));

function damaged(content: Buffer): Buffer {
  let bytes = content;
  for (let blow = 0; blow <= random(4); blow += 1) {
    const at = random(bytes.length + 1);
    const splinter = splinters[random(splinters.length)]!;
    bytes = [
      () => Buffer.concat([bytes.subarray(0, at), splinter, bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(20))]),
      () => Buffer.concat([bytes, bytes.subarray(at)]),
      () => bytes.subarray(0, at),
      () => { const copy = Buffer.from(bytes); if (copy.length > 0) copy[at % copy.length] = random(256); return copy; },
    ][random(5)]!();
  }
  return bytes;
}

let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

const small = cases.filter(({ content }) => content.length > 0 && content.length < 10_000);
/** What a person is told; anything else is a crash. */
const told = /reading|unpacking|decompressing|planning|compiling/;

test('no damaged file crashes, hangs, loses a row or writes outside its folder', async () => {
  const failures: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { name, file, content, words } = small[random(small.length)]!;
    const bytes = damaged(Buffer.from(content));
    bench.put(`${round}/${file}`, random(10) === 0 ? gzipSync(bytes) : bytes);
    await bench.read(`${round}/${file}`, words).then(
      ({ count, rows, rejects, plan }) => { if (plan.columns.length > 0 && count !== rows.length + rejects.length) failures.push(`${round} ${name}: ${count} records, ${rows.length} rows, ${rejects.length} rejects`); },
      (error: Error) => { if (!told.test(error.message)) failures.push(`${round} ${name}: ${error.message.slice(0, 300)}`); },
    );
  }
  expect(failures).toEqual([]);
  expect(filesBelow(bench.home).filter((name) => !/^(in|landing|temp)\//.test(name))).toEqual([]);
});
