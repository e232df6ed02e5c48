import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchExecuteStatementCommand, CancelStatementCommand, DescribeStatementCommand, ExecuteStatementCommand, GetStatementResultCommand, paginateGetStatementResult, paginateListStatements, RedshiftDataClient,
  type ColumnMetadata, type DescribeStatementCommandOutput, type RedshiftDataClientConfig, type StatementData,
} from '@aws-sdk/client-redshift-data';
import { ConfigurationError, DestinationUnavailableError } from '../../domain/errors';
import type { RedshiftConfig } from './config';
import { statementError, translated } from './errors';

export type TextRow = Readonly<Record<string, string | null>>;

/** One statement of a transaction. `otherwise`: what it means where exactly this one fails. */
export interface Step {
  readonly sql: string;
  otherwise?(error: Error): Promise<Error> | Error;
}

export interface Transaction {
  /** For messages: `loading batch "…"`. */
  readonly doing: string;
  readonly steps: readonly Step[];
  readonly signal?: AbortSignal;
}

export interface NamedTransaction extends Omit<Transaction, 'steps'> {
  /** Under it the service knows the statement: unique to what is done. */
  readonly name: string;
  /** @param earlier how many statements of this name ended without success. */
  steps(earlier: number): readonly Step[];
  /** It was accepted: an answer may still be lost. */
  accepted?(): void;
}

/** A warehouse, spoken to by the Data API. Every value of a result is text: queries cast what is not. */
export interface Redshift {
  readonly config: RedshiftConfig;
  rows(sql: string, signal?: AbortSignal): Promise<readonly TextRow[]>;
  /** First row of a query that always has one. */
  row(sql: string, signal?: AbortSignal): Promise<TextRow>;
  /** Columns of a query's result. */
  columns(sql: string): Promise<readonly ColumnMetadata[]>;
  /** All or nothing, in a session of its own. What it does must be right when it is done twice. Returns the number of each step's query, under which system tables know it. */
  transaction(transaction: Transaction): Promise<readonly number[]>;
  /** As `transaction`, and once only: a statement of this name that is still under way, from an attempt whose answer was lost, is waited for. */
  once(transaction: NamedTransaction): Promise<void>;
  /** Ends what is under way under names that start so. */
  cancelAll(prefix: string): Promise<void>;
  close(): void;
}

/** Seconds that the service holds a request open; the socket must outlast it. */
const longPoll = 20;
/** The service's limits. */
const mostSteps = 40;
const mostSql = 100_000;

/** Texts joined, each piece with room in one statement. */
export function pieces(texts: readonly string[], separator: string): readonly string[] {
  const found: string[] = [];
  for (const text of texts) {
    const last = found.at(-1);
    if (last !== undefined && Buffer.byteLength(last) + Buffer.byteLength(text) < mostSql - 1000) found[found.length - 1] = `${last}${separator}${text}`;
    else found.push(text);
  }
  return found;
}

export function openRedshift(config: RedshiftConfig): Redshift {
  const client = new RedshiftDataClient(clientConfigOf(config));
  const place = { Database: config.database, ...(config.workgroup ? { WorkgroupName: config.workgroup } : { ClusterIdentifier: config.cluster }) };
  const target = { ...place, ...(config.db_user ? { DbUser: config.db_user } : {}), ...(config.secret_arn ? { SecretArn: config.secret_arn } : {}) };
  const guarded = async <Result>(doing: string, work: () => Promise<Result>): Promise<Result> => work().catch((error: unknown) => { throw translated(error, config, doing); });

  const cancel = (Id: string) => client.send(new CancelStatementCommand({ Id })).catch(() => undefined);

  /** Until it is over. On cancel the statement is ended too: its transaction rolls back. */
  async function settled(Id: string, doing: string, signal: AbortSignal | undefined): Promise<DescribeStatementCommandOutput> {
    try {
      for (let wait = longPoll; ; ) {
        const told = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: wait }), signal ? { abortSignal: signal } : {}).catch((error: Error) => {
          if (error.name !== 'ActiveWaitingRequestsExceededException') throw error;
          wait = 0;
          return null;
        });
        if (told && ['FINISHED', 'FAILED', 'ABORTED'].includes(told.Status!)) return told;
        if (wait === 0) await sleep(1000, undefined, signal ? { signal } : {});
      }
    } catch (error) {
      if (signal?.aborted) {
        await cancel(Id);
        throw signal.reason;
      }
      if (error instanceof Error && error.name === 'ResourceNotFoundException') throw new DestinationUnavailableError(`${doing}: the service no longer knows the statement; what became of it is looked up in the ledger`, { statement: Id });
      throw translated(error, config, doing);
    }
  }

  async function finish(Id: string, steps: readonly Step[], doing: string, signal: AbortSignal | undefined): Promise<readonly number[]> {
    const told = await settled(Id, doing, signal);
    if (told.Status === 'FINISHED') return (told.SubStatements ?? []).map(({ RedshiftQueryId }) => RedshiftQueryId ?? -1);
    const failed = told.SubStatements?.findIndex(({ Status }) => Status === 'FAILED') ?? -1;
    const error = statementError(told.SubStatements?.[failed]?.Error ?? told.Error ?? '', told.Status as 'FAILED' | 'ABORTED', config, doing);
    const conflict = error instanceof DestinationUnavailableError;
    throw conflict ? error : await steps[failed]?.otherwise?.(Object.assign(error, { queryId: told.SubStatements?.[failed]?.RedshiftQueryId })) ?? error;
  }

  async function submit(steps: readonly Step[], doing: string, ClientToken: string, StatementName: string | undefined, signal: AbortSignal | undefined): Promise<string> {
    const long = steps.find(({ sql }) => Buffer.byteLength(sql) > mostSql);
    if (steps.length > mostSteps || long) throw new ConfigurationError(`${doing}: it takes ${long ? 'a statement of more than 100 KB' : `${steps.length} statements, the Data API runs ${mostSteps}`} in one transaction; load fewer columns or files at a time`);
    // Told to stop while it was sent: if it was accepted all the same, it is found by its name.
    const { Id } = await guarded(doing, () => client.send(new BatchExecuteStatementCommand({ ...target, Sqls: steps.map(({ sql }) => sql), ClientToken, ...(StatementName && { StatementName }) }), signal ? { abortSignal: signal } : {})).catch((error: unknown) => { throw signal?.aborted ? signal.reason : error; });
    return Id!;
  }

  async function named(StatementName: string, doing: string): Promise<readonly StatementData[]> {
    const found: StatementData[] = [];
    await guarded(doing, async () => {
      for await (const { Statements = [] } of paginateListStatements({ client }, { StatementName, Status: 'ALL', ...place })) found.push(...Statements);
    });
    return found;
  }

  const doing = 'asking';

  async function answered(sql: string, signal?: AbortSignal): Promise<string> {
    const { Id } = await guarded(doing, () => client.send(new ExecuteStatementCommand({ ...target, Sql: sql, ClientToken: randomUUID(), WaitTimeSeconds: longPoll })));
    const told = await settled(Id!, doing, signal);
    if (told.Status !== 'FINISHED') throw statementError(told.Error ?? '', told.Status as 'FAILED' | 'ABORTED', config, doing);
    return Id!;
  }

  async function rows(sql: string, signal?: AbortSignal): Promise<readonly TextRow[]> {
    const Id = await answered(sql, signal);
    const found: TextRow[] = [];
    await guarded(doing, async () => {
      for await (const { Records = [], ColumnMetadata = [] } of paginateGetStatementResult({ client }, { Id })) {
        found.push(...Records.map((record) => Object.fromEntries(record.map((field, index) => [ColumnMetadata[index]!.name!, field.isNull ? null : field.stringValue!]))));
      }
    });
    return found;
  }

  return {
    config, rows,
    async row(sql, signal) {
      const [first] = await rows(sql, signal);
      if (!first) throw new Error(`running a query that must give one row gave none: ${sql.slice(0, 200)}`);
      return first;
    },
    async columns(sql) {
      const Id = await answered(sql);
      return guarded(doing, async () => (await client.send(new GetStatementResultCommand({ Id }))).ColumnMetadata ?? []);
    },
    async transaction({ doing, steps, signal }) {
      return finish(await submit(steps, doing, randomUUID(), undefined, signal), steps, doing, signal);
    },
    async once({ doing, name, steps, signal, accepted }) {
      const known = (await named(name, doing)).filter(({ StatementName }) => StatementName === name);
      const underWay = known.find(({ Status }) => !['FINISHED', 'FAILED', 'ABORTED'].includes(Status!));
      const earlier = known.length - (underWay ? 1 : 0);
      const list = steps(earlier);
      const id = underWay?.Id ?? await submit(list, doing, tokenOf(name, earlier), name, signal);
      accepted?.();
      await finish(id, list, doing, signal);
    },
    async cancelAll(prefix) {
      for (const { Id, Status } of await named(prefix, 'ending what an earlier run left under way')) if (!['FINISHED', 'FAILED', 'ABORTED'].includes(Status!)) await cancel(Id!);
    },
    close: () => client.destroy(),
  };
}

/** The same for two attempts that see the same past: the service then runs what they ask once (for 8 hours; after that the ledger decides). */
const tokenOf = (name: string, earlier: number): string => createHash('sha256').update(`${name}\n${earlier}`).digest('base64url');

function clientConfigOf({ region, endpoint, profile, access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken }: RedshiftConfig): RedshiftDataClientConfig {
  return {
    ...(region ? { region } : endpoint ? { region: 'us-east-1' } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(profile ? { profile } : {}),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } } : {}),
    requestHandler: { requestTimeout: (longPoll + 20) * 1000, connectionTimeout: 10_000 },
    // The activity is tried again as a whole; these few attempts only spare it a passing fault.
    maxAttempts: 4,
  };
}
