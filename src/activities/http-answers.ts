import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Lookup } from '../connectors/connector';
import type { Control } from '../domain/control';
import { runPath, slug, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StagedFile } from '../domain/manifest';
import { exactJson } from '../programs/exact-json';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import type { AnswerLine, Asking, Lookups } from '../transforms/lookups';
import type { Dependencies } from './dependencies';

interface Chunk {
  readonly file: StagedFile;
  readonly answers: number;
  /** Milliseconds since 1970 after which it does not count; null: it goes with the run. */
  readonly until: number | null;
}

/** Answers per file: what a crash can make us ask again. */
const perChunk = 200;
const bytesPerChunk = 4 * 1024 * 1024;

export interface Kept {
  readonly files: readonly string[];
  readonly answers: number;
}

/** Where answers are kept. */
export interface AnswerStore {
  kept(asking: Asking): Promise<Kept>;
  /** Local path of a file with these lines. */
  record(asking: Asking, lines: readonly AnswerLine[]): Promise<string>;
}

interface OpenLookups {
  readonly openLookup: Dependencies['openLookup'];
  readonly session: Session;
  readonly connectionsFile: string;
  readonly store: AnswerStore;
  /** Told of every answer that is there: an attempt that got some more of them has got further. */
  readonly progress?: Control['progress'] | undefined;
}

/** Asks APIs for the rows of a session. */
export function openLookups({ openLookup, session, connectionsFile, store, progress }: OpenLookups): Lookups {
  let answered = 0;
  const got = (answers: number): void => progress?.({ rows: answered += answers });
  return {
    async kept(asking) {
      const { files, answers } = await store.kept(asking);
      got(answers);
      return files;
    },
    async ask(asking, addresses, signal) {
      const lookup = await openLookup(connectionsFile, asking.connection);
      const paths: string[] = [];
      await askAll({ lookup, asking, addresses, signal, keep: async (lines) => { paths.push(await store.record(asking, lines)); got(lines.length); }, place: () => path.join(session.scratch(), `${randomUUID()}.json`) });
      return paths;
    },
  };
}

/** In staging: another attempt, batch or stream of the run, or with an age a later run, does not ask again. */
export const stagedAnswers = (staging: StagingStore, run: RunRef): AnswerStore => ({
  kept: (asking) => keptFiles(staging, homeOf(run, asking)),
  record: (asking, lines) => record(staging, homeOf(run, asking), lines, asking.keep),
});

/** For as long as the session: a preview leaves nothing behind. */
export const passingAnswers = (session: Session): AnswerStore => ({
  kept: async () => ({ files: [], answers: 0 }),
  async record(_asking, lines) {
    const file = path.join(session.scratch(), `${randomUUID()}.jsonl`);
    await writeFile(file, textOf(lines));
    return file;
  },
});

const textOf = (lines: readonly AnswerLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

function homeOf(run: RunRef, { connection, path: asked, members, keep }: Asking): string {
  const key = createHash('sha256').update(canonicalJson({ connection, path: asked, members: [...members], keep })).digest('hex').slice(0, 16);
  return `${keep === 'run' ? runPath(run) : slug(run.pipeline)}/_asked/${key}`;
}

async function keptFiles(staging: StagingStore, home: string): Promise<Kept> {
  const found: string[] = [];
  let answers = 0;
  for (const key of (await staging.list(home)).filter((one) => one.endsWith('.json'))) {
    const text = await staging.read(key);
    const chunk = text === null ? null : (JSON.parse(text) as Chunk);
    if (chunk?.until != null && chunk.until < Date.now()) await staging.remove([chunk.file.key, key]);
    // A file that has gone is no loss: it is asked for again.
    else if (chunk) await staging.fetch(chunk.file).then((local) => { found.push(local); answers += chunk.answers; }, () => undefined);
  }
  return { files: found, answers };
}

async function record(staging: StagingStore, home: string, lines: readonly AnswerLine[], keep: 'run' | number): Promise<string> {
  const place = await staging.create(`${home}/answers`, 'jsonl');
  await writeFile(place.path, textOf(lines));
  const file = await staging.seal(place.key);
  const text = canonicalJson({ file: { ...file }, answers: lines.length, until: keep === 'run' ? null : Date.now() + keep });
  for (let number = (await staging.list(home)).length + 1; (await staging.putIfAbsent(`${home}/${String(number).padStart(6, '0')}.json`, text)) !== text; number += 1);
  return staging.fetch(file);
}

interface AskAll {
  readonly lookup: Lookup;
  readonly asking: Asking;
  readonly addresses: string;
  readonly signal: AbortSignal;
  keep(lines: readonly AnswerLine[]): Promise<void>;
  place(): string;
}

/** Some requests side by side over a file of addresses; after an error no new one begins, and what has come is kept. */
async function askAll({ lookup, asking, addresses, signal, keep, place }: AskAll): Promise<void> {
  const input = createReadStream(addresses);
  const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]();
  let chunk: AnswerLine[] = [];
  let bytes = 0;
  let failed: { readonly error: unknown } | null = null;
  const flush = async (): Promise<void> => {
    const full = chunk;
    chunk = [];
    bytes = 0;
    if (full.length > 0) await keep(full);
  };
  const worker = async (): Promise<void> => {
    const to = place();
    try {
      for (let next = await lines.next(); !next.done && !failed; next = await lines.next()) {
        signal.throwIfAborted();
        const line = await answerOf(lookup, asking, (JSON.parse(next.value) as { readonly a: string }).a, to, signal);
        chunk.push(line);
        bytes += line.m.reduce((sum, text) => sum + (text?.length ?? 0), line.a.length);
        if (chunk.length >= perChunk || bytes >= bytesPerChunk) await flush();
      }
    } catch (error) {
      failed ??= { error };
    } finally {
      await rm(to, { force: true });
    }
  };
  await Promise.all(Array.from({ length: asking.concurrency }, worker));
  input.destroy();
  await flush();
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
}

async function answerOf(lookup: Lookup, { path: shownAs, members }: Asking, address: string, to: string, signal: AbortSignal): Promise<AnswerLine> {
  const { state, reason } = await lookup.ask({ address, shownAs, to }, signal);
  const line = (s: AnswerLine['s'], e: string | null, m: AnswerLine['m'] = []): AnswerLine => ({ a: address, s, m, e, t: Date.now() });
  if (state !== 'found') return line(state, reason);
  try {
    const content = exactJson(new TextDecoder('utf-8', { fatal: true }).decode(await readFile(to)));
    return line('found', null, members.map((member) => memberText(content, member)));
  } catch {
    return line('refused', 'the answer is no JSON');
  }
}

/** Text of a member; a list or a map as JSON; null: it is not there, or null. */
export function memberText(content: unknown, member: string): string | null {
  const found = member.split('.').reduce<unknown>((value, name) => (typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined), content);
  if (found === undefined || found === null) return null;
  return typeof found === 'object' ? JSON.stringify(found) : String(found as string | number | boolean);
}
