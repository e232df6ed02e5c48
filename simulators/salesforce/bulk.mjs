// Bulk API 2.0 query jobs of the stand-in.
import { select, version } from './org.mjs';

const delimiters = { COMMA: ',', SEMICOLON: ';', TAB: '\t', PIPE: '|', CARET: '^', BACKQUOTE: '`' };
const listPage = 3;
const base = `/services/data/v${version}`;

/** How a value is written in a result: always in quotes; nothing and an empty text are the same. */
function written(value, type) {
  if (value === null || value === undefined) return '""';
  const text = type === 'datetime' ? value.replace('+0000', 'Z') : typeof value === 'number' && Math.abs(value) >= 1e7 ? exponential(value) : String(value);
  return `"${text.replaceAll('"', '""')}"`;
}

/** Large numbers as Java prints them: 1.2345E7. */
function exponential(value) {
  const [digits, power] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(power)}`;
}

/** @param options.polls how often a job is looked at before it is done. @param options.ends what becomes of the first jobs, else JobComplete. */
export function createBulk({ objects, polls = 1, ends = [], defaultPage = 100 }) {
  const jobs = new Map();
  let made = 0;

  function create({ operation, query, contentType = 'CSV', columnDelimiter = 'COMMA', lineEnding = 'LF', ...rest }) {
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) return { refused: ['JSON_PARSER_ERROR', `Unrecognized field "${unknown}"`] };
    if (!['query', 'queryAll'].includes(operation) || contentType !== 'CSV' || !Object.hasOwn(delimiters, columnDelimiter) || !['LF', 'CRLF'].includes(lineEnding)) return { refused: ['INVALIDJOB', 'unknown operation or form'] };
    const found = select(query ?? '', operation === 'queryAll', objects);
    if (found.code || found.counting || found.limited) return { refused: [found.code ?? 'API_ERROR', 'the query cannot be run in bulk'] };
    if (objects[found.object].bulk === false) return { refused: ['INVALIDENTITY', `Entity '${found.object}' is not supported by the Bulk API.`] };
    made += 1;
    const now = `${new Date().toISOString().slice(0, -1)}+0000`;
    const told = { id: `750${String(made).padStart(15, '0')}`, operation, object: found.object, createdById: '005000000000001AAA', createdDate: now, systemModstamp: now, state: 'UploadComplete', concurrencyMode: 'Parallel', contentType, apiVersion: Number(version), lineEnding, columnDelimiter };
    jobs.set(told.id, { told, found, asked: 0, locators: new Map(), end: ends[made - 1] ?? 'JobComplete' });
    return { status: 200, content: told };
  }

  function look(job) {
    const working = ['UploadComplete', 'InProgress'].includes(job.told.state);
    if (working) job.asked += 1;
    if (working) job.told.state = job.asked > polls ? job.end : job.asked > 1 || polls === 1 ? 'InProgress' : 'UploadComplete';
    const done = job.told.state === 'JobComplete' ? { numberRecordsProcessed: job.found.found.length, retries: 0, totalProcessingTime: 120, isPkChunkingSupported: true } : {};
    return { status: 200, content: { ...job.told, jobType: 'V2Query', ...done } };
  }

  /** In no order that means anything, and without the query. */
  function list(params) {
    if ((params.get('jobType') ?? 'V2Query') !== 'V2Query') return { refused: ['INVALIDJOB', 'only V2Query here'] };
    const all = [...jobs.values()].reverse();
    const from = Number(params.get('queryLocator') ?? 0);
    const next = from + listPage < all.length ? `${base}/jobs/query?queryLocator=${from + listPage}` : null;
    return { status: 200, content: { done: next === null, records: all.slice(from, from + listPage).map(({ told }) => ({ ...told, jobType: 'V2Query' })), nextRecordsUrl: next } };
  }

  const locatorOf = (job, from) => {
    const text = Buffer.from(`${job.told.id.slice(-4)}:${from}`).toString('base64url');
    job.locators.set(text, from);
    return text;
  };

  function results(job, params) {
    const from = params.has('locator') ? job.locators.get(params.get('locator')) : 0;
    const most = Number(params.get('maxRecords') ?? defaultPage);
    if (from === undefined || !Number.isInteger(most) || most < 1) return { refused: ['INVALID_LOCATOR', 'unknown locator'] };
    const { found, wanted, fields, row } = job.found;
    const part = found.slice(from, from + most);
    const types = wanted.map((name) => fields.find((one) => one.name === name).type);
    const [comma, end] = [delimiters[job.told.columnDelimiter], job.told.lineEnding === 'LF' ? '\n' : '\r\n'];
    const lines = part.map((index) => { const record = row(index); return wanted.map((name, place) => written(record[name], types[place])).join(comma); });
    const next = from + most < found.length ? locatorOf(job, from + most) : 'null';
    return { status: 200, csv: `${[wanted.map((name) => `"${name}"`).join(comma), ...lines].join(end)}${end}`, headers: { 'sforce-locator': next, 'sforce-numberofrecords': String(part.length) } };
  }

  function resultPages(job, params) {
    const from = params.has('locator') ? job.locators.get(params.get('locator')) : 0;
    if (from === undefined) return { refused: ['INVALID_LOCATOR', 'unknown locator'] };
    const starts = [];
    for (let at = from; at < Math.max(1, job.found.found.length) && starts.length < 5; at += defaultPage) starts.push(at);
    const next = from + 5 * defaultPage;
    const more = next < job.found.found.length;
    return { status: 200, content: {
      resultPages: starts.map((at) => ({ resultUrl: `${base}/jobs/query/${job.told.id}/results${at === 0 ? '' : `?locator=${locatorOf(job, at)}`}` })),
      nextRecordsUrl: more ? `${base}/jobs/query/${job.told.id}/resultPages?locator=${locatorOf(job, next)}` : null, done: !more,
    } };
  }

  return {
    jobs,
    /** @param what of jobs/query/{id}/{what}; @returns `refused`, or `status` with `content` or `csv`. */
    answer(method, id, what, params, body) {
      if (id === undefined) return method === 'POST' ? create(body) : method === 'GET' ? list(params) : null;
      const job = jobs.get(id);
      if (!job) return { missing: true };
      if (what === undefined && method === 'GET') return look(job);
      if (what === undefined && method === 'DELETE') {
        if (job.told.state === 'InProgress') return { refused: ['INVALIDJOBSTATE', 'the job is in progress'] };
        jobs.delete(id);
        return { status: 204 };
      }
      if (what === undefined && method === 'PATCH' && body?.state === 'Aborted') {
        job.told.state = 'Aborted';
        return { status: 200, content: job.told };
      }
      if (method !== 'GET' || !['results', 'resultPages'].includes(what)) return null;
      if (job.told.state !== 'JobComplete') return { refused: ['INVALIDJOBSTATE', 'the job is not complete'] };
      return what === 'results' ? results(job, params) : resultPages(job, params);
    },
  };
}
