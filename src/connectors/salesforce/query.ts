import type { Control } from '../../domain/control';
import type { LandingFile } from '../../domain/manifest';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { Landing } from '../connector';
import { walk, type FoundPage } from '../rest/walk';
import type { Org } from './org';
import { namesIn, operationOf, soqlOf } from './soql';

/** Records of a query over REST. Result pages are recorded one by one, as those of any API. */
export async function readQuery(org: Org, stream: StreamSpec, plan: Plan, landing: Landing, control: Control): Promise<readonly LandingFile[]> {
  const declared = queried(operationOf(stream), soqlOf(stream, namesIn(plan.columns), plan.window));
  const keep = async (page: FoundPage): Promise<readonly LandingFile[]> => [await landing.seal(page.key, { rows: page.rows, format: page.format, origin: page.origin })];
  // The daily limit is looked at before the first request of this attempt; a page that is landed already needs none.
  const client: Org['client'] = { async get(...request) { await org.allow(control.signal); return await org.client.get(...request); } };
  const files: LandingFile[] = [];
  let rows = 0;
  for await (const page of walk({ config: org.restOf({ [stream.stream]: declared }), client, engine: org.context.engine, name: stream.stream, window: null, landing, control }, keep, landing.pages)) {
    files.push(...page.files);
    control.progress({ rows: rows += page.rows });
  }
  return files;
}

/** What the walk over an API's pages needs to know of a query. */
export const queried = (resource: string, q: string): object => ({ path: resource, params: { q }, records: 'records', pagination: { type: 'next_url', from: 'nextRecordsUrl' } });

/** Addresses longer than this are refused by Salesforce's servers. */
const longestAddress = 14_000;
export const fitsAddress = (soql: string): boolean => encodeURIComponent(soql).length < longestAddress;
