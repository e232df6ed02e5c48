import type { Readable } from 'node:stream';
import { SaxesParser } from 'saxes';
import { SourceHeldError } from '../domain/errors';

export interface XmlHandlers {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** Reads an XML part to its end, a piece at a time; nothing where it is missing. `most`: bytes it may have. `after` is called after each piece. */
export async function xmlEvents(part: Readable | null, most: number, handlers: XmlHandlers): Promise<void> {
  for await (const _piece of xmlPieces(part, most, handlers)) continue;
}

export async function* xmlPieces(part: Readable | null, most: number, { open, text, close }: XmlHandlers): AsyncGenerator<void> {
  if (!part) return;
  const parser = new SaxesParser();
  parser.on('error', (error) => { throw error; });
  if (open) parser.on('opentag', ({ name, attributes }) => open(local(name), attributes as Record<string, string>));
  if (text) { parser.on('text', text); parser.on('cdata', text); }
  if (close) parser.on('closetag', ({ name }) => close(local(name)));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  try {
    for await (const piece of part) {
      bytes += (piece as Buffer).length;
      if (bytes > most) throw new SourceHeldError(`reading a workbook: a part of it unpacks to more than ${most / 2 ** 20} MB; save the sheet as CSV`);
      parser.write(decoder.decode(piece as Buffer, { stream: true }));
      yield;
    }
    parser.write(decoder.decode());
    parser.close();
    yield;
  } finally {
    part.destroy();
  }
}

/** Some writers give every element a prefix. */
const local = (name: string): string => name.slice(name.indexOf(':') + 1);
