import type { Readable } from 'node:stream';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { SourceHeldError } from '../domain/errors';
import { isDamage } from './damage';
import { readSheet, type SheetRow } from './excel-sheet';
import { isDateFormat } from './excel-dates';
import { xmlEvents } from './xml-events';

/** Texts that many cells share are kept in memory, so there must be an end to them. */
const mostShared = 256 * 2 ** 20;
const mostXml = 64 * 2 ** 20;

export interface Workbook {
  rows(sheet: string | undefined, signal?: AbortSignal): AsyncIterable<readonly SheetRow[]>;
  close(): void;
}

/** An .xlsx is a zip of XML files. Sheets are read as they stream; only texts that cells share are held. */
export async function openWorkbook(path: string): Promise<Workbook> {
  let zip: ZipFile;
  const entries = new Map<string, Entry>();
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  } catch (error) {
    throw refused(error);
  }
  const partOf = async (name: string): Promise<Readable | null> => {
    const entry = entries.get(name.replace(/^\//, ''));
    if (!entry) return null;
    if (entry.isEncrypted()) throw new SourceHeldError('reading a workbook: it is protected by a password; save it without one');
    return await zip.openReadStreamPromise(entry);
  };
  return {
    async *rows(sheet, signal) {
      try {
        const file = await sheetFile(partOf, sheet);
        const [shared, dates, date1904] = [await sharedTexts(await partOf('xl/sharedStrings.xml')), await dateStyles(await partOf('xl/styles.xml')), await isFrom1904(partOf)];
        const part = await partOf(file);
        if (!part) throw new SourceHeldError(`reading a workbook: its sheet "${file}" is missing; save it again`);
        yield* readSheet(part, { shared, dates, date1904 }, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        throw refused(error);
      }
    },
    close: () => zip.close(),
  };
}

function refused(error: unknown): unknown {
  if (!isDamage(error)) return error;
  return new SourceHeldError(`reading a workbook: ${error.message}; it may be damaged, or an old .xls: save it as .xlsx, then "millrace resume RUN"`);
}

type PartOf = (name: string) => Promise<Readable | null>;

async function sheetFile(partOf: PartOf, wanted: string | undefined): Promise<string> {
  const sheets: { readonly name: string; readonly id: string }[] = [];
  await xmlEvents(await partOf('xl/workbook.xml'), mostXml, { open: (name, attributes) => { if (name === 'sheet') sheets.push({ name: attributes['name'] ?? '', id: attributes['r:id'] ?? '' }); } });
  const found = wanted === undefined ? sheets[0] : sheets.find(({ name }) => name === wanted);
  if (!found) throw new SourceHeldError(`reading a workbook: it has no sheet "${wanted ?? ''}"; its sheets: ${sheets.map(({ name }) => name).join(', ')}`);
  let target: string | null = null;
  await xmlEvents(await partOf('xl/_rels/workbook.xml.rels'), mostXml, { open: (name, attributes) => { if (name === 'Relationship' && attributes['Id'] === found.id) target = attributes['Target'] ?? null; } });
  const file = (target as string | null) ?? 'worksheets/sheet1.xml';
  return file.startsWith('/') ? file.slice(1) : `xl/${file}`;
}

async function isFrom1904(partOf: PartOf): Promise<boolean> {
  let found = false;
  await xmlEvents(await partOf('xl/workbook.xml'), mostXml, { open: (name, attributes) => { if (name === 'workbookPr') found = ['1', 'true'].includes(attributes['date1904'] ?? ''); } });
  return found;
}

async function sharedTexts(part: Readable | null): Promise<readonly string[]> {
  const texts: string[] = [];
  let text = '';
  let inText = false;
  let phonetic = false;
  await xmlEvents(part, mostShared, {
    open(name) {
      if (name === 'si') text = '';
      if (name === 'rPh') phonetic = true;
      inText = name === 't' && !phonetic;
    },
    text(piece) { if (inText) text += piece; },
    close(name) {
      if (name === 'si') texts.push(text);
      if (name === 'rPh') phonetic = false;
      if (name === 't') inText = false;
    },
  });
  return texts;
}

/** For each cell style, whether its numbers are shown as dates or times. */
async function dateStyles(part: Readable | null): Promise<readonly boolean[]> {
  const own = new Map<number, string>();
  const styles: number[] = [];
  let inCells = false;
  await xmlEvents(part, mostXml, {
    open(name, attributes) {
      if (name === 'numFmt') own.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
      if (name === 'cellXfs') inCells = true;
      if (name === 'xf' && inCells) styles.push(Number(attributes['numFmtId'] ?? 0));
    },
    close(name) { if (name === 'cellXfs') inCells = false; },
  });
  return styles.map((id) => isDateFormat(id, own.get(id)));
}
