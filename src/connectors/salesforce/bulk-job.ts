import { createHash } from 'node:crypto';
import { SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { Org } from './org';
import { namesIn } from './soql';

/** What was about to be asked: recorded before it is, since Salesforce takes no token by which a job could be found again. */
export interface Intent {
  readonly kind: 'intent';
  readonly nonce: string;
  /** Milliseconds of the worker's clock. */
  readonly at: number;
}

export interface Job {
  readonly kind: 'job';
  readonly id: string;
  readonly at: number;
  /** Path of the version it was made with: its results are there alone. */
  readonly home: string;
  readonly delimiter: string;
  /** Fields in the order of the result. */
  readonly order: readonly string[];
}

export type Outcome = { readonly kind: 'complete'; readonly records: number | null } | { readonly kind: 'ended'; readonly state: string };

/** A job as Salesforce tells it. */
export interface JobInfo {
  readonly id: string;
  readonly operation: string;
  readonly object: string;
  readonly createdDate: string;
  readonly state: 'UploadComplete' | 'InProgress' | 'Aborted' | 'JobComplete' | 'Failed';
  readonly apiVersion: number;
  readonly columnDelimiter: string;
  readonly numberRecordsProcessed?: number;
}

export interface BulkRequest { readonly org: Org; readonly stream: StreamSpec; readonly plan: Plan; readonly signal: AbortSignal }

/** Known again by it in a list that does not tell queries: no other job asks for the fields in this order. */
export const orderOf = ({ nonce }: Intent, { columns }: Plan): readonly string[] => {
  const place = (name: string): string => createHash('sha256').update(`${nonce} ${name}`).digest('hex');
  return [...namesIn(columns)].sort((left, right) => (place(left) < place(right) ? -1 : 1));
};

const delimiters: Readonly<Record<string, string>> = { COMMA: ',', SEMICOLON: ';', TAB: '\t', PIPE: '|', CARET: '^', BACKQUOTE: '`' };

export function jobFrom({ id, columnDelimiter }: JobInfo, home: string, order: readonly string[]): Job {
  const delimiter = delimiters[columnDelimiter];
  if (!/^[A-Za-z0-9]{15,18}$/.test(id) || delimiter === undefined) throw new SourceHeldError('making a bulk query job: Salesforce\'s answer has no id or an unknown "columnDelimiter"; set "api: rest" in the connection, cancel this run and run it again');
  return { kind: 'job', id, at: Date.now(), home, delimiter, order };
}

export const pathOf = ({ home, id }: Pick<Job, 'home' | 'id'>): string => `${home}/jobs/query/${id}`;
export const homeOf = ({ base }: Org): string => new URL(base).pathname;

export const takingCsv = { method: 'GET', headers: { accept: 'text/csv' } } as const;

/** Names of fields need no quotes. */
export const headerOf = (text: string, delimiter: string): readonly string[] => (text.split(/\r?\n/, 1)[0] ?? '').split(delimiter).map((name) => name.replaceAll('"', ''));

/** The job, or a page of it, is not there any more. */
export const isGone = (error: unknown): boolean => {
  const { facts } = error as { facts?: { status?: unknown; code?: unknown } };
  return facts?.status === 404 || facts?.code === 'INVALID_LOCATOR';
};

export const again = 'read it again from the start with "millrace retry RUN STREAM PARTITION --reread"';
