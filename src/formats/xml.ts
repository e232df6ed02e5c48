import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { z } from 'zod';
import { SourceHeldError } from '../domain/errors';
import { defineConvertedFormat } from './converted';
import type { ConvertedRecord } from './format';
import { flattenOption } from './json-records';
import { longestRecord } from './sql';

const optionsSchema = z.strictObject({
  record: z.string().min(1).optional().describe('Element that is a record, by its name or its path such as feed/entry; without it, the children of the outermost element'),
  flatten: flattenOption,
});
type Options = z.output<typeof optionsSchema>;

/** Elements in elements beyond this are made to do harm. */
const deepest = 100;

/** Attributes are "@name", text beside them "#text", elements that occur again a list. Entities of a file's own are refused, not expanded. */
export const xml = defineConvertedFormat({
  name: 'xml',
  summary: 'Elements of an XML document as records; attributes and child elements become columns, nested ones JSON text or, with flatten, columns',
  extensions: ['xml'],
  optionsSchema,
  convert: (path, options, signal) => recordsOf(path, options, signal),
  untyped: true,
});

type Node = { [name: string]: Value };
type Value = string | Node | (string | Node)[] | null;
interface Open { readonly name: string; readonly node: Node; text: string; readonly line: number }

async function* recordsOf(path: string, options: Options, signal?: AbortSignal): AsyncGenerator<readonly ConvertedRecord[]> {
  const parser = new SaxesParser({ position: true });
  const reader = createReader(options);
  let failure: Error | null = null;
  parser.on('error', (error) => { failure ??= error; });
  parser.on('opentag', (tag) => reader.open(tag as SaxesTagPlain, parser.line));
  parser.on('closetag', () => reader.close());
  parser.on('text', (text) => reader.text(text));
  parser.on('cdata', (text) => reader.text(text));
  const refuse = (error: Error) => new SourceHeldError(`reading an XML file: ${error.message.replace(/^(undefined:|file:)?/, 'line ')}; mend the file, then "millrace resume RUN"`);
  const decoder = new TextDecoder(await declaredEncoding(path), { fatal: true });
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      signal?.throwIfAborted();
      parser.write(decoder.decode(piece as Buffer, { stream: true }));
      if (failure) throw refuse(failure);
      yield reader.take();
    }
    parser.write(decoder.decode());
    parser.close();
    if (failure) throw refuse(failure);
    yield reader.take();
  } catch (error) {
    if (signal?.aborted || (error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    throw new SourceHeldError(`reading an XML file: near line ${parser.line} it is not in the encoding that it says; mend the file, then "millrace resume RUN"`);
  }
}

/** As the file says in its first line; UTF-8 where it says nothing. */
async function declaredEncoding(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head[0] === 0xff && head[1] === 0xfe || (head[0] === 0x3c && head[1] === 0)) return 'utf-16le';
    if (head[0] === 0xfe && head[1] === 0xff || (head[0] === 0 && head[1] === 0x3c)) return 'utf-16be';
    const told = /^[^<]*<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)["']/.exec(head.toString('latin1'))?.[1] ?? 'utf-8';
    try {
      return new TextDecoder(told).encoding;
    } catch {
      throw new SourceHeldError(`reading an XML file: it says its encoding is "${told}", which is not known; convert it to UTF-8`);
    }
  } finally {
    await handle.close();
  }
}

function createReader({ record }: Options) {
  let done: ConvertedRecord[] = [];
  const names: string[] = [];
  let stack: Open[] = [];
  let size = 0;
  const begins = (): boolean => (record === undefined ? names.length === 2 : record.includes('/') ? names.join('/') === record || names.join('/').endsWith(`/${record}`) : names.at(-1) === record);
  const grow = (length: number, line: number): void => {
    size += length;
    if (size > longestRecord) throw new SourceHeldError(`reading an XML file: the record at line ${line} is longer than ${longestRecord / 2 ** 20} MB; name a smaller element as "record"`);
  };
  return {
    take(): readonly ConvertedRecord[] {
      const taken = done;
      done = [];
      return taken;
    },
    open({ name, attributes }: SaxesTagPlain, line: number): void {
      names.push(name);
      if (names.length > deepest) throw new SourceHeldError(`reading an XML file: at line ${line} it is nested more than ${deepest} deep; mend the file`);
      if (stack.length === 0 && !begins()) return;
      const node: Node = Object.create(null) as Node;
      for (const [key, value] of Object.entries(attributes)) {
        node[`@${key}`] = value;
        grow(key.length + value.length, line);
      }
      grow(name.length, line);
      stack.push({ name, node, text: '', line });
    },
    text(text: string): void {
      const top = stack.at(-1);
      if (!top) return;
      grow(text.length, top.line);
      top.text += text;
    },
    close(): void {
      names.pop();
      const closed = stack.pop();
      if (!closed) return;
      const value = valueOf(closed);
      const parent = stack.at(-1);
      if (parent) return put(parent.node, closed.name, value);
      const body = typeof value === 'object' && value !== null ? value : { '#text': value };
      done.push({ line: closed.line, body: JSON.stringify(body), problem: null });
      stack = [];
      size = 0;
    },
  };
}

/** An element without attributes and children is its text; an empty one is null. */
function valueOf({ node, text }: Open): string | Node | null {
  const trimmed = text.trim();
  if (Object.keys(node).length === 0) return trimmed === '' ? null : trimmed;
  if (trimmed !== '') node['#text'] = trimmed;
  return node;
}

function put(node: Node, name: string, value: string | Node | null): void {
  const before = node[name];
  if (!(name in node)) node[name] = value;
  else node[name] = Array.isArray(before) ? [...before, value ?? ''] : [before as string | Node ?? '', value ?? ''];
}
