import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Column } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { LandingFile } from '../../domain/manifest';
import type { StreamSpec } from '../../domain/pipeline';
import type { Window } from '../../domain/position';
import type { ConnectorContext, Source } from '../connector';
import { openClient } from '../rest/client';
import { configSchema as restSchema, type RestConfig } from '../rest/config';
import { walk, type FoundPage } from '../rest/walk';
import { planWindow } from '../rest/window';
import type { SalesforceConfig } from './config';
import { columnsOf, notesOn, type Field } from './fields';
import { loginOf } from './login';

const quarterHour = 900;
const told = (code: string, then: 'retry' | 'fail', after?: number) => ({ body: { path: '0.errorCode', equals: code }, then, ...(after !== undefined && { after }) });
/** A spent daily limit is waited for; what only takes a while is asked again. */
const errors = [
  told('REQUEST_LIMIT_EXCEEDED', 'retry', quarterHour), told('SERVER_UNAVAILABLE', 'retry'), told('QUERY_TIMEOUT', 'retry'), told('UNABLE_TO_LOCK_ROW', 'retry'),
  ...['INVALID_FIELD', 'INVALID_TYPE', 'INSUFFICIENT_ACCESS', 'NOT_FOUND', 'INVALID_QUERY_LOCATOR', 'MALFORMED_QUERY'].map((code) => told(code, 'fail')),
];
const stamp = 'SystemModstamp';
const isName = (text: string): boolean => /^[A-Za-z]\w*$/.test(text);

/** Objects of an org by REST query. Result pages are recorded one by one, as those of any API. */
export async function openSalesforceSource(config: SalesforceConfig, context: ConnectorContext): Promise<Source> {
  const base = `${config.url.replace(/\/+$/, '')}/services/data/v${config.api_version}`;
  const restOf = (streams: object): RestConfig => restSchema.parse({ url: base, errors, timeout: config.timeout, ...(config.rate_limit && { rate_limit: config.rate_limit }), streams });
  const client = openClient(restOf({}), context, loginOf(config));

  async function ask<Content>(where: string, signal: AbortSignal): Promise<Content> {
    const folder = await mkdtemp(path.join(tmpdir(), 'millrace-salesforce-'));
    try {
      const file = path.join(folder, 'answer.json');
      await client.get(`${base}/${where}`, file, signal);
      return JSON.parse(await readFile(file, 'utf8')) as Content;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async function describe(object: string, signal: AbortSignal): Promise<readonly Field[]> {
    if (!isName(object)) throw new ConfigurationError(`planning stream "${object}": it is no name of an object; write one such as Account or Invoice__c`);
    const { fields, queryable } = await ask<{ fields: readonly Field[]; queryable: boolean }>(`sobjects/${object}/describe`, signal);
    if (!queryable) throw new SourceHeldError(`planning stream "${object}": the object cannot be queried; leave it out, or give the user of the connection access, then "millrace resume"`);
    return fields;
  }

  return {
    async check() {
      try {
        await ask('sobjects', AbortSignal.timeout(60_000));
        return { ok: true, messages: [`"${context.connection}": logged in, objects can be listed`] };
      } catch (error) {
        return { ok: false, messages: [`"${context.connection}": ${(error as Error).message}`] };
      }
    },
    async discover() {
      const signal = AbortSignal.timeout(100_000);
      const { sobjects } = await ask<{ sobjects: readonly { readonly name: string; readonly queryable: boolean }[] }>('sobjects', signal);
      return sobjects.filter(({ queryable }) => queryable).map(({ name }) => ({ stream: name, key: ['Id'], columns: [] }));
    },
    async plan(request, control) {
      const { stream, position } = request;
      if (stream.mode === 'incremental' && stream.cursor !== stamp) throw new ConfigurationError(`planning stream "${stream.stream}": "cursor" is "${stream.cursor}"; Salesforce marks each change in ${stamp}: write that`);
      const fields = await describe(stream.stream, control.signal);
      const window = planWindow(request, { incremental: { since: '', until: 'until', format: 'iso', margin: config.margin } });
      const closed = window === 'closed';
      const columns = columnsOf(fields).map((column) => ({ ...column, type: stream.types[column.name] ?? column.type }));
      return {
        columns, key: ['Id'], window: closed ? null : window,
        partitions: closed ? [] : [{ ordinal: 0, label: stream.stream, detail: null, estimatedRows: null }],
        position: { cursor: window === null || closed ? position?.cursor ?? null : window.upper },
        files: [], reloads: [],
        notes: [...notesOn(fields), ...(closed ? [`nothing new: ${stamp} has been read up to ${position?.cursor ?? 'nothing'}`] : []), ...(window ? ['deleted records come with IsDeleted = true; changes of formula fields alone are not seen'] : [])],
      };
    },
    async read({ stream, plan }, landing, control) {
      const declared = { path: stream.mode === 'incremental' ? 'queryAll' : 'query', params: { q: soql(stream, plan.columns, plan.window) }, records: 'records', pagination: { type: 'next_url', from: 'nextRecordsUrl' }, columns: Object.fromEntries(plan.columns.map(({ name, type }) => [name, type])) };
      const keep = async (page: FoundPage): Promise<readonly LandingFile[]> => [await landing.seal(page.key, { rows: page.rows, format: page.format, origin: page.origin })];
      const files: LandingFile[] = [];
      let rows = 0;
      for await (const page of walk({ config: restOf({ [stream.stream]: declared }), client, engine: context.engine, name: stream.stream, window: null, landing, control }, keep, landing.pages)) {
        files.push(...page.files);
        control.progress({ rows: rows += page.rows });
      }
      return files;
    },
    close: async () => undefined,
  };
}

/** Names come from describe and bounds are instants of ours, so there is nothing to quote. */
function soql({ stream }: StreamSpec, columns: readonly Column[], window: Window | null): string {
  const bounds = window === null ? [] : [...(window.lower === null ? [] : [`${stamp} >= ${window.lower}`]), `${stamp} < ${window.upper}`];
  return `SELECT ${columns.map(({ name }) => name).join(', ')} FROM ${stream}${bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`}`;
}
