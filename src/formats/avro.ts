import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { Decompress } from 'fzstd';
import { uncompress } from 'snappyjs';
import { z } from 'zod';
import type { Column } from '../domain/column';
import { SourceHeldError } from '../domain/errors';
import { avroBytes, type AvroBytes } from './avro-bytes';
import { avroType, type AvroType } from './avro-schema';
import { isDamage } from './damage';
import { defineConvertedFormat } from './converted';
import type { ConvertedRecord } from './format';

/** A block is in memory as a whole; writers make them of some 16 KB to some MB. */
const mostBlock = 64 * 2 ** 20;
const mostHeader = 16 * 2 ** 20;
const mostRecords = 10_000_000;
const groupSize = 1000;

/** The container is read here, since the libraries for it go on without end on a damaged file (verified). */
export const avro = defineConvertedFormat({
  name: 'avro',
  summary: 'Avro container files by their own schema; null, deflate, snappy and zstandard; nested values become JSON text, bytes \\x and hex',
  extensions: ['avro'],
  optionsSchema: z.strictObject({}),
  convert: (path, _options, signal) => recordsOf(path, signal),
  columns: (path) => withFile(path, async (file) => columnsOf((await readHeader(file)).type)),
});

/** As the file's own schema says; a file whose values are no records has the one column "value". */
const columnsOf = (type: AvroType): readonly Column[] =>
  (type.fields ?? [{ name: 'value', value: type }]).map(({ name, value }) => ({ name, type: value.type, nullable: value.nullable }));

const inflate = promisify(inflateRaw);
type Codec = (block: Buffer) => Buffer | Promise<Buffer>;
const codecs: Readonly<Record<string, Codec>> = {
  null: (block) => block,
  deflate: async (block) => (await inflate(block, { maxOutputLength: mostBlock })) as Buffer,
  // Four bytes of checksum follow the block.
  snappy: (block) => Buffer.from(uncompress(block.subarray(0, -4), mostBlock)),
  zstandard: unzstd,
};

function unzstd(block: Buffer): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  const decoder = new Decompress((part) => {
    size += part.length;
    if (size > mostBlock) throw new Error(`a block unpacks to more than ${mostBlock / 2 ** 20} MB`);
    parts.push(Buffer.from(part));
  });
  for (let at = 0; at < block.length; at += 65_536) decoder.push(block.subarray(at, at + 65_536), at + 65_536 >= block.length);
  return Buffer.concat(parts);
}

async function withFile<Result>(path: string, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
  const file = await open(path, 'r');
  try {
    return await work(file);
  } catch (error) {
    throw refused(error);
  } finally {
    await file.close();
  }
}

const refused = (error: unknown): unknown =>
  !isDamage(error) ? error : new SourceHeldError(`reading an Avro file: ${error.message}; fetch the file again, then "millrace resume RUN"`);

interface Header { readonly type: AvroType; readonly codec: Codec; readonly sync: Buffer; readonly end: number }

async function readHeader(file: FileHandle): Promise<Header> {
  for (let size = 65_536; ; size *= 4) {
    const head = await bytesAt(file, 0, Math.min(size, mostHeader));
    try {
      return headerOf(head);
    } catch (error) {
      if (head.length < size || size >= mostHeader) throw error;
    }
  }
}

function headerOf(head: Buffer): Header {
  if (head.toString('latin1', 0, 4) !== 'Obj\x01') throw new Error('it does not begin as an Avro container does');
  const bytes = avroBytes(head.subarray(4));
  const meta = new Map(bytes.blocks(() => [bytes.text(), bytes.bytes()] as const));
  const codec = meta.get('avro.codec')?.toString('utf8') || 'null';
  if (!codecs[codec]) throw new SourceHeldError(`reading an Avro file: its codec "${codec.slice(0, 30)}" is not available; write it with one of ${Object.keys(codecs).join(', ')}`);
  const type = avroType(JSON.parse(meta.get('avro.schema')?.toString('utf8') ?? 'null') as Parameters<typeof avroType>[0]);
  const sync = bytes.fixed(16);
  return { type, codec: codecs[codec], sync, end: 4 + bytes.at };
}

async function bytesAt(file: FileHandle, from: number, size: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, from);
  return buffer.subarray(0, bytesRead);
}

async function* recordsOf(path: string, signal?: AbortSignal): AsyncGenerator<readonly ConvertedRecord[]> {
  const file = await open(path, 'r');
  try {
    const { type, codec, sync, end } = await readHeader(file);
    const { size: total } = await file.stat();
    for (let at = end; at < total;) {
      const start = avroBytes(await bytesAt(file, at, 20));
      const [records, size] = [start.count(mostRecords), start.count(mostBlock)];
      const block = await bytesAt(file, at + start.at, size + 16);
      if (block.length < size + 16) throw new Error('it was cut off in the middle of a block');
      if (!block.subarray(size).equals(sync)) throw new Error('it is damaged: a block does not end in its mark');
      yield* valuesOf(type, avroBytes(await codec(block.subarray(0, size))), records, signal);
      at += start.at + size + 16;
    }
  } catch (error) {
    throw refused(error);
  } finally {
    await file.close();
  }
}

function* valuesOf(type: AvroType, bytes: AvroBytes, records: number, signal?: AbortSignal): Generator<readonly ConvertedRecord[]> {
  for (let done = 0; done < records;) {
    signal?.throwIfAborted();
    const group: ConvertedRecord[] = [];
    for (; group.length < groupSize && done < records; done += 1) {
      const value = type.read(bytes);
      group.push({ line: null, body: JSON.stringify(type.fields ? value : { value }), problem: null });
    }
    yield group;
  }
}
