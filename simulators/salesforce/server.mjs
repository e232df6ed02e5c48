// A stand-in for the parts of Salesforce that Millrace asks: see README.md.
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { createBulk } from './bulk.mjs';
import { createObjects, select, version } from './org.mjs';

const wantsOf = /^\/services\/data\/v(\d+\.0)\/(sobjects|query|queryAll|limits|jobs)(?:\/([\w-]+))?(?:\/(\w+))?(?:\/(\w+))?$/;

async function bodyOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

function isKnown(form) {
  if (form.get('grant_type') === 'client_credentials') return form.get('client_id') === 'app' && form.get('client_secret') === 'secret';
  return form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' && form.get('assertion')?.split('.').length === 3;
}

/** How often an API may be asked: `max` times in a day, which is over when the limits were asked for `asks` times. */
function createAllowance({ max = 15000, used = 0, asks = Infinity } = {}) {
  let [spent, seen] = [used, 0];
  return {
    max, used: () => spent,
    take(forLimits) {
      if (forLimits && ++seen === asks) spent = 0;
      if (spent >= max) return false;
      spent += 1;
      return true;
    },
  };
}

/**
 * Each session ends after `sessionRequests` requests; the request of the number `limitAt` in all is refused once with the daily limit. `limits`: { max, used, asks }. `jobLimit`: query jobs in a day. `accounts`: records besides those
 * that are always there. `clock`: milliseconds that its clock is ahead. `log`: file that gets a line for each request. `faults`: [{ on: "POST /jobs/query", at: 1, does: "lose" | "cut" | "html" | "short" | "first" (page, again) | "more" | "swapped" | "endless" | 503 | an error code }]: what goes wrong with that request.
 */
export function createSalesforceServer({ sessionRequests = 1_000_000, limitAt = 0, pageSize = 50, limits, jobLimit = 10_000, delay = 0, log, faults = [], gzip = false, polls, ends, resultPage, clock = 0, ...org } = {}) {
  const objects = createObjects(org);
  const bulk = createBulk({ objects, polls, ends, defaultPage: resultPage });
  const allowance = createAllowance(limits);
  const cursors = new Map();
  const met = faults.map(() => 0);
  const sessions = new Map();
  let [asked, jobsMade] = [0, 0];

  const head = () => ({ date: new Date(Date.now() + clock).toUTCString(), 'sforce-limit-info': `api-usage=${allowance.used()}/${allowance.max}` });
  const send = (response, status, content) => response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...head() }).end(content === undefined ? undefined : JSON.stringify(content));
  const refuse = (response, status, errorCode, message = errorCode) => send(response, status, [{ errorCode, message }]);

  function faultOf(method, url) {
    const mine = faults.map(({ on }, index) => ({ index, hit: on.split(' ')[0] === method && new RegExp(`${on.split(' ')[1]}$`).test(url.pathname) })).filter(({ hit }) => hit);
    for (const { index } of mine) met[index] += 1;
    return mine.map(({ index }) => (met[index] === (faults[index].at ?? 1) ? faults[index].does : undefined)).find((does) => does !== undefined);
  }

  /** `lose`: what was asked is done, and the answer never comes. `cut`: half of it comes. `short`: it ends well and too soon. */
  function spoil(response, does) {
    const end = response.end.bind(response);
    if (does === 'lose') response.writeHead = () => ({ end: () => response.destroy() });
    // A job that says it has one more record; a page whose fields stand in another order.
    if (does === 'more') response.end = (content) => end(content.replace(/("numberRecordsProcessed":)(\d+)/, (_all, name, count) => `${name}${Number(count) + 1}`));
    // A page of a query that is not the last one and does not say where the next one is.
    if (does === 'endless') response.end = (content) => end(content.replace(/"nextRecordsUrl":"[^"]*",/, ''));
    if (does === 'swapped') response.end = (content) => end(content.replace(/^("\w+"),("\w+")/, '$2,$1'));
    if (does === 'cut' || does === 'short') {
      response.end = (content) => {
        const half = Buffer.from(content ?? '').subarray(0, Math.floor(Buffer.byteLength(content ?? '') / 2));
        if (does === 'short') return end(half.subarray(0, half.lastIndexOf('\n') + 1));
        response.write(half, () => response.destroy());
      };
    }
  }

  function sendCsv(response, { csv, headers }) {
    const content = gzip ? gzipSync(csv) : csv;
    response.writeHead(200, { 'content-type': 'text/csv', ...(gzip && { 'content-encoding': 'gzip' }), ...head(), ...headers });
    response.end(content);
  }

  function login(response, form) {
    if (!isKnown(form)) return send(response, 400, { error: 'invalid_client', error_description: 'invalid client credentials' });
    const token = `session ${sessions.size + 1}`;
    sessions.set(token, sessionRequests);
    send(response, 200, { access_token: token, instance_url: 'http://localhost', token_type: 'Bearer' });
  }

  function query(response, resource, name, url) {
    const [id, from] = name === undefined ? [String(cursors.size), '0'] : name.split('-');
    if (name === undefined) {
      const found = select(url.searchParams.get('q') ?? '', resource === 'queryAll', objects);
      if (found.code) return refuse(response, 400, found.code);
      if (found.counting) return send(response, 200, { totalSize: found.found.length, done: true, records: [] });
      cursors.set(id, found);
    }
    const cursor = cursors.get(id);
    if (!cursor) return refuse(response, 400, 'INVALID_QUERY_LOCATOR');
    const next = Number(from) + pageSize;
    const records = cursor.found.slice(Number(from), next).map((index) => {
      const record = cursor.row(index);
      return { attributes: { type: cursor.object, url: `/services/data/v${version}/sobjects/${cursor.object}/${record.Id}` }, ...Object.fromEntries(cursor.wanted.map((one) => [one, record[one] ?? null])) };
    });
    const more = next < cursor.found.length;
    send(response, 200, { totalSize: cursor.found.length, done: !more, ...(more && { nextRecordsUrl: `/services/data/v${version}/${resource}/${id}-${next}` }), records });
  }

  function job(request, response, url, id, what, text) {
    let body;
    if (request.method === 'POST' || request.method === 'PATCH') {
      if (!/^application\/json/.test(request.headers['content-type'] ?? '')) return refuse(response, 415, 'UNSUPPORTED_MEDIA_TYPE');
      try { body = JSON.parse(text); } catch { return refuse(response, 400, 'JSON_PARSER_ERROR'); }
    }
    if (request.method === 'POST' && jobsMade >= jobLimit) return refuse(response, 400, 'LIMIT_EXCEEDED', 'Maximum number of query jobs exceeded');
    if (what === 'results' && !/text\/csv/.test(request.headers.accept ?? '')) return refuse(response, 406, 'NOT_ACCEPTABLE');
    const answer = bulk.answer(request.method, id, what, url.searchParams, body);
    if (request.method === 'POST' && answer?.status === 200) jobsMade += 1;
    if (answer === null) return refuse(response, 405, 'METHOD_NOT_ALLOWED');
    if (answer.missing) return refuse(response, 404, 'NOT_FOUND', 'The requested resource does not exist');
    if (answer.refused) return refuse(response, 400, ...answer.refused);
    return answer.csv === undefined ? send(response, answer.status, answer.content) : sendCsv(response, answer);
  }

  function route(request, response, url, text) {
    const [, asFor, resource, name, second, third] = wantsOf.exec(url.pathname) ?? [];
    if (resource === undefined) return refuse(response, 404, 'NOT_FOUND');
    // A job belongs to the version it was made with; the rest is there in one version only.
    if (asFor !== version) return refuse(response, resource === 'jobs' && second !== undefined ? 409 : 404, resource === 'jobs' && second !== undefined ? 'VERSION_MISMATCH' : 'NOT_FOUND');
    if (resource === 'jobs' && name === 'query') return job(request, response, url, second, third, text);
    if (request.method !== 'GET' || third !== undefined) return refuse(response, 405, 'METHOD_NOT_ALLOWED');
    if (resource === 'limits' && name === undefined) return send(response, 200, { DailyApiRequests: { Max: allowance.max, Remaining: allowance.max - allowance.used() }, DailyBulkV2QueryJobs: { Max: jobLimit, Remaining: jobLimit - jobsMade } });
    if (resource === 'sobjects' && name === undefined) return send(response, 200, { sobjects: Object.keys(objects).map((object) => ({ name: object, queryable: true, layoutable: true })) });
    if (resource === 'sobjects' && Object.hasOwn(objects, name) && second === 'describe') return send(response, 200, { name, queryable: true, fields: objects[name].fields });
    if (resource.startsWith('query') && second === undefined) return query(response, resource, name, url);
    return refuse(response, 404, 'NOT_FOUND', 'The requested resource does not exist');
  }

  return createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const text = await bodyOf(request);
    if (log) appendFileSync(log, `${request.method} ${request.url}\n`);
    if (delay > 0) await sleep(delay);
    if (url.pathname === '/services/oauth2/token' && request.method === 'POST') return login(response, new URLSearchParams(text));
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    const left = sessions.get(token) ?? 0;
    if (left <= 0) return refuse(response, 401, 'INVALID_SESSION_ID');
    sessions.set(token, left - 1);
    asked += 1;
    if (asked === limitAt || !allowance.take(url.pathname.endsWith('/limits'))) return refuse(response, 403, 'REQUEST_LIMIT_EXCEEDED');
    const does = faultOf(request.method, url);
    if (typeof does === 'number') return refuse(response, does, does === 503 ? 'SERVER_UNAVAILABLE' : 'UNKNOWN_EXCEPTION');
    if (does === 'html') return response.writeHead(200, { 'content-type': 'text/html' }).end('<html>maintenance</html>');
    if (/^[A-Z_]+$/.test(does ?? '')) return refuse(response, does === 'NOT_FOUND' ? 404 : does.startsWith('INSUFFICIENT') ? 403 : 400, does);
    if (does === 'first') url.searchParams.delete('locator');
    if (does) spoil(response, does);
    route(request, response, url, text);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createSalesforceServer(JSON.parse(process.argv[2] ?? '{}'));
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}` })));
}
