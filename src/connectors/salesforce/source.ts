import type { Column } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { SourcePlan } from '../../domain/plan';
import type { Json } from '../../domain/json';
import type { Window } from '../../domain/position';
import type { ConnectorContext, PlanRequest, Source } from '../connector';
import { typedColumns } from '../rest/columns';
import { formatOf } from '../rest/inspect';
import { planWindow } from '../rest/window';
import { readBulk } from './bulk';
import type { SalesforceConfig } from './config';
import { discoverObjects } from './discover';
import { codeOf } from './errors';
import { columnsOf, missingIn, notesOn, type Field } from './fields';
import { openOrg, type Org } from './org';
import { fitsAddress, queried, readQuery } from './query';
import { namesIn, operationOf, soqlOf, stamp } from './soql';

/** Objects of an org: by query jobs of the Bulk API where there are many records, else by queries over REST. */
export async function openSalesforceSource(config: SalesforceConfig, context: ConnectorContext): Promise<Source> {
  const org = openOrg(config, context);
  return {
    async check() {
      try {
        const objects = await org.objects(AbortSignal.timeout(60_000));
        return { ok: true, messages: [`"${context.connection}": logged in, ${objects.length} objects can be queried`] };
      } catch (error) {
        return { ok: false, messages: [`"${context.connection}": ${(error as Error).message}`] };
      }
    },
    discover: (filter) => discoverObjects(org, filter ?? null, AbortSignal.timeout(100_000)),
    async plan(request, { signal }) {
      const { stream } = request;
      if (stream.mode === 'incremental' && stream.cursor !== stamp) throw new ConfigurationError(`planning stream "${stream.stream}": "cursor" is "${stream.cursor}"; Salesforce marks each change in ${stamp}: write that`);
      return await planned(org, request, await org.describe(stream.stream, signal), signal);
    },
    async read({ stream, plan, partition }, landing, control) {
      const { signal } = control;
      try {
        const inBulk = (partition.detail as { readonly api?: string } | null)?.api === 'bulk';
        return inBulk ? await readBulk({ org, stream, plan, signal, landing, control }) : await readQuery(org, stream, plan, landing, control);
      } catch (error) {
        throw await explained(org, stream, plan.columns, error, signal);
      }
    },
    async sample({ stream, rows }, landing, { signal }) {
      const columns = typedColumns(stream, columnsOf(await org.describe(stream.stream, signal)));
      const place = await landing.create('json');
      await org.client.get(`${org.base}/query?q=${encodeURIComponent(`${soqlOf(stream, namesIn(columns), null)} LIMIT ${rows}`)}`, place.path, signal);
      const { streams } = org.restOf({ [stream.stream]: queried('query', '') });
      return { columns, files: [{ path: place.path, format: await formatOf(streams[stream.stream]!, place.path), origin: stream.stream }] };
    },
    close: async () => undefined,
  };
}

async function planned(org: Org, request: PlanRequest, fields: readonly Field[], signal: AbortSignal): Promise<SourcePlan> {
  const { stream, position } = request;
  const window = planWindow(request, { incremental: { since: '', until: 'until', format: 'iso', margin: org.config.margin } }, org.now());
  const columns = typedColumns(stream, columnsOf(fields));
  const earlier = (position?.state?.['columns'] as readonly Column[] | undefined) ?? [];
  const notes = notesOn(fields, earlier, stream.mode === 'incremental');
  const state = { columns: columns as unknown as Json };
  const none = { columns, key: ['Id'], files: [], reloads: [] };
  if (window === 'closed') return { ...none, window: null, partitions: [], position: { cursor: position?.cursor ?? null, state }, notes: [`nothing new: ${stamp} has been read up to ${position?.cursor ?? 'nothing'}`, ...notes] };
  const { api, records } = await wayOf(org, stream, columns, window, signal);
  return {
    ...none, window,
    partitions: [{ ordinal: 0, label: stream.stream, detail: { api }, estimatedRows: records }],
    position: { cursor: window === null ? position?.cursor ?? null : window.upper, state },
    notes: [...(window ? ['deleted records come with IsDeleted = true'] : []), ...notes],
  };
}

/** Volume goes by the Bulk API, which costs few requests of the day; a small object is there sooner by a query. */
async function wayOf({ config, ...org }: Org, stream: StreamSpec, columns: readonly Column[], window: Window | null, signal: AbortSignal): Promise<{ readonly api: 'bulk' | 'rest'; readonly records: number | null }> {
  if (config.api === 'bulk') return { api: 'bulk', records: null };
  const fits = fitsAddress(soqlOf(stream, namesIn(columns), window));
  if (config.api === 'rest' && !fits) throw new ConfigurationError(`planning stream "${stream.stream}": it has so many fields that its query does not fit an address; use "api: auto" or "api: bulk" in the connection`);
  if (config.api === 'rest' || !fits) return { api: fits ? 'rest' : 'bulk', records: null };
  const records = await org.count(operationOf(stream), soqlOf(stream, ['count()'], window), signal);
  return { api: records === null || records >= config.bulk_from ? 'bulk' : 'rest', records };
}

const doubtful = new Set(['INVALID_FIELD', 'API_ERROR', 'MALFORMED_QUERY', 'JOB_FAILED']);

/** A field that has gone since the plan is named: Salesforce's codes do not always say so. */
async function explained(org: Org, stream: StreamSpec, columns: readonly Column[], error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!doubtful.has(codeOf(error) ?? '')) return error;
  const gone = await org.describe(stream.stream, signal).then((fields) => missingIn(columns, fields), () => []);
  if (gone.length === 0) return error;
  return new SourceHeldError(`reading "${stream.stream}": ${gone.map((name) => `"${name}"`).join(', ')} has gone since the plan was made (deleted or renamed in Salesforce, or the user may no longer see it); put it back or grant it, then "millrace resume RUN"; or cancel and run again, which plans without it`, { columns: gone });
}
