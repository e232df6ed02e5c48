import { positionColumn } from '../../domain/column';
import { stagesPosition } from '../../domain/pipeline';
import { fileList } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { LoadRequest } from '../connector';
import type { TableColumn } from './columns';
import type { RedshiftConfig } from './config';
import { misfitsOfColumn, type ColumnMisfit } from './misfits';
import { quoteIdentifier, quoteLiteral } from './quote';
import { roleSql } from './staging-places';
import { copyFormOf, type CopyForm, type CopyFormat } from './types';

export interface CopyColumn {
  readonly name: string;
  readonly form: CopyForm;
  readonly misfits: readonly ColumnMisfit[];
}

/** What COPY is told: the manifest, and the text that stands for NULL in CSV. */
export interface StagedCopy {
  /** `s3://bucket/key` */
  readonly manifest: string;
  readonly nullMark: string;
}

export const copyColumnsOf = ({ batch }: LoadRequest, there: ReadonlyMap<string, TableColumn>, format: CopyFormat): readonly CopyColumn[] =>
  batch.columns.map((column) => {
    const own = there.get(column.name.toLowerCase())!;
    return { name: column.name, form: copyFormOf(column, quoteDuck(column.name), own.type, format), misfits: misfitsOfColumn(column, own) };
  });

/** Compressed bytes of Parquet per file: about as many of gzip CSV, of which one slice reads a file alone. */
const bytesPerFile = 64 * 1024 * 1024;
/** Below that, opening a file is more work than reading it. */
const smallestFile = 1024 * 1024;

/** Files of a batch: one per slice or a multiple of it, so that all slices read; fewer where there is little. @param bytes of its staged Parquet. */
export function filesFor(bytes: number, slices: number): number {
  const wanted = Math.ceil(bytes / bytesPerFile);
  return wanted > slices ? Math.ceil(wanted / slices) * slices : Math.max(1, Math.min(slices, Math.floor(bytes / smallestFile)));
}

/** The number of a row in its batch, from 0: DuckDB reads files in order. */
export const placeColumn = '_millrace_place';
export const numberedRows = (paths: readonly string[]): string => `(SELECT *, row_number() OVER () - 1 AS ${placeColumn} FROM read_parquet(${fileList(paths)}))`;
/** The row's position in the source where it is staged, else its number. */
export const positionOfRow = ({ target }: LoadRequest): string => (stagesPosition(target.stream) ? quoteDuck(positionColumn) : placeColumn);

export interface Printing {
  readonly format: CopyFormat;
  readonly nullMark: string;
  /** DuckDB condition over `numberedRows`. */
  readonly where: string;
  /** In the order of their numbers. */
  readonly ordered?: boolean;
}

/** Statement of DuckDB that writes a file for COPY. Text of CSV is always quoted, so that it is never taken for anything else. */
export function printSql(request: LoadRequest, columns: readonly Pick<CopyColumn, 'name' | 'form'>[], file: string, { format, nullMark, where, ordered = false }: Printing): string {
  const values = columns.map(({ name, form }) => `${form.printed} AS ${quoteDuck(name)}`);
  const rows = `SELECT ${[...values, `CAST(${positionOfRow(request)} AS BIGINT) AS ${quoteDuck(positionColumn)}`].join(', ')} FROM ${numberedRows(request.paths)} WHERE ${where}${ordered ? ` ORDER BY ${placeColumn}` : ''}`;
  if (format === 'parquet') return `COPY (${rows}) TO ${quoteDuckLiteral(file)} (FORMAT parquet, COMPRESSION snappy)`;
  const quoted = columns.filter(({ form }) => form.staged.startsWith('varchar')).map(({ name }) => quoteDuck(name));
  return `COPY (${rows}) TO ${quoteDuckLiteral(file)} (FORMAT csv, HEADER false, COMPRESSION gzip, NULLSTR ${quoteDuckLiteral(nullMark)}${quoted.length > 0 ? `, FORCE_QUOTE (${quoted.join(', ')})` : ''})`;
}

/** The null mark stands for NULL alone; dates and times are read in the form that DuckDB prints. Parquet's columns are matched by their place, and it takes few words. */
export const copySql = (into: string, config: RedshiftConfig, columns: readonly string[], { manifest, nullMark }: StagedCopy, format: CopyFormat = 'csv'): string => (format === 'parquet'
  ? `COPY ${into} FROM ${quoteLiteral(manifest)} IAM_ROLE ${roleSql(config)} FORMAT AS PARQUET MANIFEST STATUPDATE OFF`
  : `COPY ${into} (${columns.join(', ')}) FROM ${quoteLiteral(manifest)} IAM_ROLE ${roleSql(config)} FORMAT AS CSV GZIP MANIFEST NULL AS ${quoteLiteral(nullMark)} DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF`);

/** The table of the session that COPY fills, and what it is told to fill it with. */
export const stage = '_millrace_stage';
export const stageSql = (columns: readonly CopyColumn[]): string =>
  `CREATE TEMP TABLE ${stage} (${[...columns.map(({ name, form }) => `${quoteIdentifier(name)} ${form.staged}`), `${positionColumn} BIGINT`].join(', ')})`;
export const stageColumns = (columns: readonly CopyColumn[]): readonly string[] => [...columns.map(({ name }) => quoteIdentifier(name)), positionColumn];
