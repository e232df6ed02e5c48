import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { inferredHead, writeHead } from '../connectors/file-source';
import { bareName } from '../formats/layers';
import { formatByEnding } from '../formats/registry';
import type { Column } from '../domain/column';
import { referencedStreams, type StreamSpec } from '../domain/pipeline';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import type { References, ReferenceRelation } from '../transforms/run-chain';
import type { Reference, TableReference } from '../transforms/step';
import { referenceKey, referencesOf } from './outside-references';
import { openFile } from './references';

/** Streams that others refer to come first; a cycle has been refused by the parser. */
export function inReferenceOrder(streams: readonly StreamSpec[]): readonly StreamSpec[] {
  const ordered: StreamSpec[] = [];
  const visit = (stream: StreamSpec): void => {
    if (ordered.includes(stream)) return;
    for (const name of referencedStreams(stream)) {
      const other = streams.find((one) => one.stream === name);
      if (other) visit(other);
    }
    ordered.push(stream);
  };
  streams.forEach(visit);
  return ordered;
}

/** How the relations of streams and tables come about, by where they are looked at from. */
export interface Others {
  stream(name: string, relation: string): Promise<ReferenceRelation>;
  table(reference: TableReference, relation: string): Promise<ReferenceRelation>;
  /** Rows of a file that are looked at; absent: all. */
  readonly fileRows?: number;
}

/** The relations that a stream's steps and checks read besides its own rows. */
export async function gatherReferences(session: Session, stream: StreamSpec, connectionsFile: string, others: Others, prefix = ''): Promise<References> {
  const found: Record<number, Record<string, ReferenceRelation>> = {};
  for (const { ordinal, references } of referencesOf(stream)) {
    for (const [key, reference] of Object.entries(references)) {
      const relation = `${prefix}reference_${ordinal}_${key}`;
      (found[ordinal] ??= {})[key] = await relationOf(session, connectionsFile, others, reference, relation);
    }
  }
  return found;
}

async function relationOf(session: Session, connectionsFile: string, others: Others, reference: Reference, relation: string): Promise<ReferenceRelation> {
  if ('stream' in reference) return others.stream(reference.stream, relation);
  if ('table' in reference) return others.table(reference, relation);
  if (others.fileRows === undefined) return { relation, columns: await openFile({ session, connectionsFile }, relation, reference.file) };
  const whole = `${relation}_whole`;
  const columns = await openFile({ session, connectionsFile }, whole, await beginningOf(session, connectionsFile, reference.file, others.fileRows));
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(relation)} AS SELECT * FROM ${quoteIdentifier(whole)} LIMIT ${others.fileRows}`);
  return { relation, columns };
}

/** A big text of lines is cut: a query with a LIMIT still reads all of it. */
async function beginningOf(session: Session, connectionsFile: string, file: string, rows: number): Promise<string> {
  const absolute = path.resolve(path.dirname(connectionsFile), file);
  const size = await stat(absolute).then(({ size: bytes }) => bytes, () => 0);
  if (size <= inferredHead.bytes || bareName(absolute) !== absolute || formatByEnding(absolute)?.cutsAtLines !== true) return file;
  const head = path.join(session.scratch(), `${randomUUID()}${path.extname(absolute)}`);
  await writeHead(createReadStream(absolute, { highWaterMark: 1 << 20 }), head, { ...inferredHead, lines: rows });
  return head;
}

/** Tables of connections that a stream's steps and checks read. */
export const tablesRead = (stream: StreamSpec): readonly TableReference[] =>
  referencesOf(stream).flatMap(({ references }) => Object.values(references).filter((reference): reference is TableReference => 'table' in reference));

/** Without rows: enough to tell the columns after the steps. @param tables columns by `referenceKey`. */
export const describeReferences = (session: Session, stream: StreamSpec, connectionsFile: string, known: ReadonlyMap<string, readonly Column[]>, tables: ReadonlyMap<string, readonly Column[]>): Promise<References> =>
  gatherReferences(session, stream, connectionsFile, {
    stream: (name, relation) => emptyRelation(session, relation, known.get(name) ?? []),
    table: (reference, relation) => emptyRelation(session, relation, tables.get(referenceKey(reference)) ?? []),
  });

async function emptyRelation(session: Session, relation: string, columns: readonly Column[]): Promise<ReferenceRelation> {
  const nothing = columns.length === 0 ? ['1 AS nothing'] : columns.map((column) => `CAST(NULL AS ${column.type}) AS ${quoteIdentifier(column.name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${nothing.join(', ')} WHERE false`);
  return { relation, columns };
}
