import type { StagedFile } from '../domain/manifest';
import type { ReplaySelection } from '../domain/replay';
import { fileList, type Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { matching } from './quarantine';
import type { StagingStore } from './staging';

/** A quarantine file, and how its entries are named. */
export interface EntryFile {
  readonly run: string;
  readonly place: string;
  readonly file: StagedFile;
}

const columns = 'position BIGINT, step VARCHAR, reasons VARCHAR, raw VARCHAR, origin VARCHAR, line BIGINT, derived BOOLEAN';

/** A view of entries: run, place, row (their number in the file) and what is told of them. */
export async function openEntries(session: Session, staging: StagingStore, files: readonly EntryFile[], view: string): Promise<void> {
  const named = quoteIdentifier(`${view}_files`);
  await session.run(`CREATE TEMP TABLE ${named} (filename VARCHAR, run VARCHAR, place VARCHAR); CREATE TEMP TABLE ${quoteIdentifier(`${view}_none`)} (${columns})`);
  const paths: string[] = [];
  for (const { run, place, file } of files) {
    const path = await staging.fetch(file);
    paths.push(path);
    await session.run(`INSERT INTO ${named} VALUES (${[path, run, place].map(quoteLiteral).join(', ')})`);
  }
  const names = columns.split(', ').map((column) => column.split(' ')[0]!).join(', ');
  const none = `SELECT NULL::VARCHAR AS run, NULL::VARCHAR AS place, NULL::BIGINT AS row, * FROM ${quoteIdentifier(`${view}_none`)}`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS ` + (paths.length === 0 ? none
    : `SELECT run, place, row, ${names} FROM (${none} UNION ALL BY NAME SELECT f.run, f.place, e.* EXCLUDE (filename, file_row_number), e.file_row_number AS row FROM read_parquet(${fileList(paths)}, filename = true, file_row_number = true, union_by_name = true) e JOIN ${named} f USING (filename))`));
}

/** A view of entries that something has happened to: run, place, row and the further columns that the files have. */
export async function openMarks(session: Session, staging: StagingStore, files: readonly StagedFile[], view: string, more: readonly string[] = []): Promise<void> {
  const paths: string[] = [];
  for (const file of files) paths.push(await staging.fetch(file));
  const none = `SELECT NULL::VARCHAR AS run, NULL::VARCHAR AS place, NULL::BIGINT AS row${more.map((name) => `, NULL::VARCHAR AS ${name}`).join('')} WHERE false`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(view)} AS ${paths.length === 0 ? none : `SELECT ${['run', 'place', 'row', ...more].join(', ')} FROM read_parquet(${fileList(paths)}, union_by_name = true)`}`);
}

/** Condition over an entry of openEntries. */
export const selected = (selection: Pick<ReplaySelection, 'reason' | 'step' | 'column'>): string => matching(selection);
