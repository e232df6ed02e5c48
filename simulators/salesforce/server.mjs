// A stand-in for the parts of Salesforce that Millrace asks: see README.md.
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';

const [version, total] = ['67.0', 230];
const field = (name, type, more = {}) => ({ name, type, nillable: name !== 'Id', precision: 0, scale: 0, ...more });
const opportunityFields = [
  field('Id', 'id'), field('Name', 'string'), field('AccountId', 'reference'), field('Amount', 'currency', { precision: 18, scale: 2 }), field('StageName', 'picklist'), field('CloseDate', 'date'),
  field('IsDeleted', 'boolean'), field('SystemModstamp', 'datetime'), field('BillingAddress', 'address'),
];
const accountFields = [field('Id', 'id'), field('Name', 'string'), field('BillingCountry', 'string'), field('IsDeleted', 'boolean'), field('SystemModstamp', 'datetime')];
const opportunities = Array.from({ length: total }, (_unused, index) => ({
  attributes: { type: 'Opportunity', url: `/services/data/v${version}/sobjects/Opportunity/006${index}` },
  Id: `006${String(index).padStart(15, '0')}`, Name: `Deal ${index}`, AccountId: `001${String(Math.floor(index / 2) % 20).padStart(15, '0')}`, Amount: index % 10 === 0 ? null : index * 100.25, StageName: index % 2 === 0 ? 'Closed Won' : 'Prospecting',
  CloseDate: `2026-0${1 + (index % 9)}-15`, IsDeleted: index % 50 === 49, SystemModstamp: `2026-01-01T00:${String(index % 60).padStart(2, '0')}:00.000+0000`,
}));

// As people type countries.
const countries = ['Germany', ' germany', 'France', 'FRANCE ', 'Japan', null];
const accounts = Array.from({ length: 20 }, (_unused, index) => ({
  attributes: { type: 'Account', url: `/services/data/v${version}/sobjects/Account/001${index}` },
  Id: `001${String(index).padStart(15, '0')}`, Name: `Company ${index}`, BillingCountry: countries[index % countries.length], IsDeleted: false, SystemModstamp: '2026-01-01T00:00:00.000+0000',
}));
const standard = { Opportunity: { fields: opportunityFields, records: opportunities }, Account: { fields: accountFields, records: accounts } };

const send = (response, status, content) => response.writeHead(status, { 'content-type': 'application/json', 'sforce-limit-info': 'api-usage=18/15000' }).end(JSON.stringify(content));
const refuse = (response, status, errorCode, message = errorCode) => send(response, status, [{ errorCode, message }]);

/** Only what Millrace writes: known fields, one object, a window of SystemModstamp. Null: malformed. */
function select(text, all, objects) {
  const [, names, object, lower, upper] = /^SELECT ([\w, ]+) FROM (\w+)(?: WHERE (?:SystemModstamp >= (\S+Z) AND )?SystemModstamp < (\S+Z))?$/.exec(text) ?? [];
  if (names === undefined) return { code: 'MALFORMED_QUERY' };
  if (!Object.hasOwn(objects, object)) return { code: 'INVALID_TYPE' };
  const { fields, records } = objects[object];
  const wanted = names.split(', ');
  if (wanted.some((name) => !fields.some((known) => known.name === name && known.type !== 'address'))) return { code: 'INVALID_FIELD' };
  const within = (at) => (lower === undefined || Date.parse(at) >= Date.parse(lower)) && (upper === undefined || Date.parse(at) < Date.parse(upper));
  const found = records.filter((record) => (all || !record.IsDeleted) && within(record.SystemModstamp.replace('+0000', 'Z')));
  return { found: found.map((record) => ({ attributes: record.attributes, ...Object.fromEntries(wanted.map((name) => [name, record[name]])) })) };
}

/** Sessions end after `sessionRequests`; the request of that number in all is refused once with the daily limit. `accounts`: records besides those that are always there. */
export function createSalesforceServer({ sessionRequests = 1000, limitAt = 0, pageSize = 50, accounts: more = [] } = {}) {
  const objects = { ...standard, Account: { ...standard.Account, records: [...accounts, ...more.map((record) => ({ attributes: { type: 'Account', url: `/services/data/v${version}/sobjects/Account/${record.Id}` }, ...record }))] } };
  const cursors = new Map();
  let [session, left, asked] = [0, 0, 0];
  return createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname === '/services/oauth2/token' && request.method === 'POST') {
      let body = '';
      request.on('data', (piece) => { body += piece; });
      return request.on('end', () => {
        const form = new URLSearchParams(body);
        const known = form.get('grant_type') === 'client_credentials' ? form.get('client_id') === 'app' && form.get('client_secret') === 'secret' : form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' && form.get('assertion')?.split('.').length === 3;
        if (!known) return send(response, 400, { error: 'invalid_client' });
        [session, left] = [session + 1, sessionRequests];
        send(response, 200, { access_token: `session ${session}`, instance_url: `http://${request.headers.host}`, token_type: 'Bearer' });
      });
    }
    if (request.headers.authorization !== `Bearer session ${session}` || left-- <= 0) return refuse(response, 401, 'INVALID_SESSION_ID');
    asked += 1;
    if (asked === limitAt) return refuse(response, 403, 'REQUEST_LIMIT_EXCEEDED');
    const [, resource, name, rest] = new RegExp(`^/services/data/v${version.replace('.', '\\.')}/(\\w+)(?:/([\\w-]+))?(?:/(\\w+))?$`).exec(url.pathname) ?? [];
    if (resource === 'sobjects' && name === undefined) return send(response, 200, { sobjects: Object.keys(objects).map((object) => ({ name: object, queryable: true })) });
    if (resource === 'sobjects' && Object.hasOwn(objects, name) && rest === 'describe') return send(response, 200, { name, queryable: true, fields: objects[name].fields });
    if ((resource !== 'query' && resource !== 'queryAll') || rest !== undefined) return refuse(response, 404, 'NOT_FOUND');
    const [id, from] = name === undefined ? [String(cursors.size), '0'] : name.split('-');
    if (name === undefined) {
      const { code, found } = select(url.searchParams.get('q') ?? '', resource === 'queryAll', objects);
      if (code) return refuse(response, 400, code);
      cursors.set(id, found);
    }
    const found = cursors.get(id);
    if (!found) return refuse(response, 400, 'INVALID_QUERY_LOCATOR');
    const next = Number(from) + pageSize;
    send(response, 200, { totalSize: found.length, done: next >= found.length, ...(next < found.length && { nextRecordsUrl: `/services/data/v${version}/${resource}/${id}-${next}` }), records: found.slice(Number(from), next) });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createSalesforceServer(JSON.parse(process.argv[2] ?? '{}'));
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}` })));
}
