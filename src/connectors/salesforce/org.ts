import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigurationError, EtlError, SourceHeldError, SourceThrottledError, SourceUnavailableError } from '../../domain/errors';
import type { ConnectorContext } from '../connector';
import { openClient, type Client, type Sending } from '../rest/client';
import { configSchema as restSchema, type RestConfig } from '../rest/config';
import { clockOf } from '../rest/rules';
import type { SalesforceConfig } from './config';
import { codeOf, judgeSalesforce, quarterHour } from './errors';
import type { Field } from './fields';
import { loginOf } from './login';
import { createUsage } from './usage';

export interface ObjectName { readonly name: string; readonly queryable: boolean; readonly layoutable?: boolean }

/** An org, as far as it is asked small things; its pages go through `client`. Every request but the first looks at the daily limit before it is sent. */
export interface Org {
  readonly config: SalesforceConfig;
  readonly context: ConnectorContext;
  /** Path of the API's version on the server. */
  readonly base: string;
  readonly client: Client;
  /** Settings of the walk over pages of a query. */
  restOf(streams: object): RestConfig;
  /** A small answer. @param path below `base`, or from the root where it starts with a slash. */
  text(path: string, signal: AbortSignal, sending?: Sending): Promise<string>;
  ask<Content>(path: string, signal: AbortSignal, sending?: Sending): Promise<Content>;
  /** The worker's clock, or Salesforce's where that is behind: bounds must not lie in its future. */
  now(): number;
  objects(signal: AbortSignal): Promise<readonly ObjectName[]>;
  describe(object: string, signal: AbortSignal): Promise<readonly Field[]>;
  /** Records that a query would give; null: the org cannot say in time. */
  count(resource: 'query' | 'queryAll', soql: string, signal: AbortSignal): Promise<number | null>;
  /** Sees to it that the daily limit is known and not used up. @param jobs whether a query job is about to be made, of which there is a limit, too. */
  allow(signal: AbortSignal, jobs?: boolean): Promise<void>;
}

interface Limits { readonly DailyBulkV2QueryJobs?: { readonly Max: number; readonly Remaining: number } }

export function openOrg(config: SalesforceConfig, context: ConnectorContext): Org {
  const base = `${config.url.replace(/\/+$/, '')}/services/data/v${config.api_version}`;
  const restOf = (streams: object): RestConfig => restSchema.parse({ url: base, timeout: config.timeout, max_page_bytes: config.max_page_bytes, ...(config.rate_limit && { rate_limit: config.rate_limit }), streams });
  const usage = createUsage(config.daily_share, context.connection);
  let behind = 0;
  const plain = openClient(restOf({}), context, { authentication: loginOf(config), judge: judgeSalesforce, seen: (headers) => { usage.note(headers); behind = Math.min(0, (clockOf(headers) ?? Date.now()) - Date.now()); } });
  const client: Client = {
    async get(address, to, signal, sending) {
      usage.respect();
      return await plain.get(address, to, signal, sending);
    },
  };

  let looked = false;

  async function text(where: string, signal: AbortSignal, sending?: Sending): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'millrace-salesforce-'));
    try {
      const file = path.join(folder, 'answer.json');
      await client.get(where.startsWith('/') ? new URL(where, base).href : `${base}/${where}`, file, signal, sending);
      return await readFile(file, 'utf8');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const ask = async <Content>(where: string, signal: AbortSignal, sending?: Sending): Promise<Content> => parsed(await text(where, signal, sending), where) as Content;

  return {
    config, context, base, client, restOf, text, ask,
    now: () => Date.now() + behind,
    async objects(signal) {
      return (await ask<{ readonly sobjects: readonly ObjectName[] }>('sobjects', signal)).sobjects.filter(({ queryable }) => queryable);
    },
    async describe(object, signal) {
      if (!/^[A-Za-z]\w*$/.test(object)) throw new ConfigurationError(`planning stream "${object}": it is no name of an object; write one such as Account or Invoice__c`);
      const { fields, queryable } = await ask<{ readonly fields: readonly Field[]; readonly queryable: boolean }>(`sobjects/${object}/describe`, signal);
      if (!queryable) throw new SourceHeldError(`planning stream "${object}": the object cannot be queried; leave it out, or give the user of the connection access, then "millrace resume RUN"`);
      return fields;
    },
    async count(resource, soql, signal) {
      try {
        return (await ask<{ readonly totalSize: number }>(`${resource}?q=${encodeURIComponent(soql)}`, signal)).totalSize;
      } catch (error) {
        if (['QUERY_TIMEOUT', 'OPERATION_TOO_LARGE'].includes(codeOf(error) ?? '')) return null;
        throw error;
      }
    },
    async allow(signal, jobs = false) {
      if ((looked || usage.known()) && !jobs) return usage.respect();
      looked = true;
      // The user may lack "View Setup and Configuration": the answer that says so tells in its head how much is used all the same.
      const { DailyBulkV2QueryJobs: left } = await ask<Limits>('limits', signal).catch((error: unknown): Limits => {
        if (EtlError.is(error) && error.disposition === 'hold') return {};
        throw error;
      });
      if (jobs && left && left.Remaining <= 0) throw new SourceThrottledError(`reading from "${context.connection}": the org's ${left.Max} bulk query jobs of a day are used up; the run goes on by itself`, quarterHour);
      usage.respect();
    },
  };
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SourceUnavailableError(`reading "${where.split('?')[0]}": the answer is no JSON; it is asked again, and if that goes on look at "url" of the connection, which must be the org's My Domain address`);
  }
}
