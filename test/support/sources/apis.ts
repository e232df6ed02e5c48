import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { TextRow } from '../../../src/transforms/duckdb-engine';
import { openRestServer, sendJson } from '../rest-server';
import { commonRows, readAt, type SourceFixtureDefinition } from './fixture';

const iso = (text: string): string => `${text.replace(' ', 'T').replace('+00', '')}Z`;

/** Pages of two records, by `page`, `since` and `until`. @param patience whether every twelfth request is told to come again at once. */
const restBy = (patience: boolean): SourceFixtureDefinition => ({
  connector: 'rest',
  async open() {
    const server = await openRestServer();
    const steps = commonRows();
    let there: readonly TextRow[] = [];
    server.answer = (url, _request, response) => {
      if (patience && server.asked.length % 12 === 0) return void response.writeHead(429, { 'retry-after': '0' }).end();
      const bound = (name: string, otherwise: string): string => url.searchParams.get(name)?.replace(/Z$/, '') ?? otherwise;
      const found = there.filter((row) => iso(row['at']!) >= bound('since', '') && iso(row['at']!) < bound('until', '9'));
      const first = (Number(url.searchParams.get('page')) - 1) * 2;
      response.setHeader('content-type', 'application/json');
      response.end(`[${found.slice(first, first + 2).map((row) => `{"id": ${row['id']}, "big": ${row['big']}, "price": ${row['price']}, "t": ${JSON.stringify(row['t'])}, "at": "${row['at']}"}`).join(', ')}]`);
    };
    const columns = { id: 'BIGINT', big: 'BIGINT', price: 'DECIMAL(38,9)', t: 'VARCHAR', at: 'TIMESTAMP WITH TIME ZONE' };
    return {
      connection: { url: server.url, streams: { things: { path: 'things', columns, pagination: { type: 'page' }, incremental: { since: 'since', until: 'until' } } } },
      stream: 'things', discovered: 'things', words: { full: '', incremental: 'key: [id], cursor: at' }, steps,
      columns: Object.entries(columns).map(([name, type]) => `${name} ${type}`),
      async grow(step) {
        there = [...there, ...steps[step]!];
        return readAt(step);
      },
      async spoil() {
        server.answer = (_url, _request, response) => sendJson(response, { error: 'moved' });
      },
      close: async () => server.close(),
    };
  },
});
export const rest = restBy(false);
export const restWithPatience = restBy(true);

/** The stand-in's accounts and some more: a row is what it is on the wire, a step what was changed in an hour. */
const salesforceBy = (way: object, otherBytes: string, server: object = {}): SourceFixtureDefinition => ({
  connector: 'salesforce',
  lacks: {
    'an empty text': 'there is none in Salesforce', '2^63 − 1': 'its numbers have 18 digits', 'a number of 38 digits': 'its numbers have 18 digits', 'microseconds': 'its instants have milliseconds',
  },
  async open() {
    const countries = ['Germany', ' germany', 'France', 'FRANCE ', 'Japan', null];
    const id = (index: number): string => `001${String(index).padStart(15, '0')}`;
    const row = (index: number, name: string | null, hour: number, country: string | null = null): TextRow => ({ Id: id(index), Name: name, BillingCountry: country, IsDeleted: 'false', SystemModstamp: `2026-01-01 0${hour}:00:00+00` });
    const standard = Array.from({ length: 20 }, (_unused, index) => row(index, `Company ${index}`, 0, countries[index % 6]));
    const more = [['\\N', 'a "b", c', 'line\nbreak\r\nand tab\t.', 'é 😀', null].map((name, index) => row(20 + index, name, 0)), [row(30, 'thirty', 1)], [row(40, 'forty', 2), row(41, 'forty-one', 2)]];
    const accounts = more.flat().map((one) => ({ ...one, IsDeleted: false, SystemModstamp: one['SystemModstamp']!.replace(' ', 'T').replace('+00', '.000+0000') }));
    const simulator = spawn(process.execPath, [path.resolve(__dirname, '../../../simulators/salesforce/server.mjs'), JSON.stringify({ pageSize: 10, resultPage: 10, polls: 0, accounts, ...server })], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(simulator.stdout, 'data') as [Buffer];
    return {
      connection: { url: (JSON.parse(String(said)) as { url: string }).url, auth: { type: 'client_credentials', client_id: 'app', client_secret: 'secret' }, ...way },
      stream: 'Account', otherBytes, discovered: 'Account', words: { full: '', incremental: 'key: [Id], cursor: SystemModstamp' },
      columns: ['Id VARCHAR', 'Name VARCHAR', 'BillingCountry VARCHAR', 'IsDeleted BOOLEAN', 'SystemModstamp TIMESTAMP WITH TIME ZONE'],
      steps: [[...standard, ...more[0]!], more[1]!, more[2]!],
      grow: async (step) => readAt(step),
      spoil: null,
      close: async () => { simulator.kill(); },
    };
  },
});
export const salesforce = salesforceBy({}, 'an answer names the next page by a locator of its query');
export const salesforceInBulk = salesforceBy({ api: 'bulk', bulk_page: 10 }, 'the order of its fields is drawn anew for each job, which is known again by it', { sessionRequests: 5 });
