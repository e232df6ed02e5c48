// A small API of issues and comments for the demo and for trying things out: see README.md.
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';

const issueCount = 120;
const start = Date.UTC(2026, 0, 1);
const hours = (count) => new Date(start + count * 3_600_000).toISOString().replace('.000Z', 'Z');
const labels = ['bug', 'docs', 'question', 'feature'];
const people = ['ann', 'bob', 'chloe', 'dmitri', 'elif'];

const issues = Array.from({ length: issueCount }, (_unused, index) => ({
  number: index + 1, title: `Issue ${index + 1}`, state: index % 3 === 0 ? 'open' : 'closed', label: labels[index % labels.length],
  user: { login: people[index % people.length] }, created_at: hours(index * 5), updated_at: hours(index * 5 + (index % 7)), closed_at: index % 3 === 0 ? null : hours(index * 5 + (index % 7)),
}));
const commentsOf = (issue) => Array.from({ length: issue % 4 }, (_unused, index) => ({
  id: issue * 100 + index, author: people[(issue + index) % people.length], created_at: hours(issue * 5 + index), body: `Comment ${index + 1} on issue ${issue}`,
}));

const refuse = (response, status, message, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ message }));

/** Whole numbers only, as the parameters of this API are. */
function numberOf(params, name, otherwise, most) {
  const text = params.get(name) ?? String(otherwise);
  return /^[1-9]\d{0,6}$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function sendPage(url, response, list, known) {
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) return refuse(response, 422, `unknown parameter "${unknown}"`);
  const [page, size] = [numberOf(url.searchParams, 'page', 1, 1_000_000), numberOf(url.searchParams, 'per_page', 30, 100)];
  if (page === null || size === null) return refuse(response, 422, '"page" is a number from 1, "per_page" one from 1 to 100');
  const last = Math.max(1, Math.ceil(list.length / size));
  const link = (to, rel) => { const next = new URL(url); next.searchParams.set('page', to); return `<${next}>; rel="${rel}"`; };
  const links = [...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []), ...(page > 1 ? [link(1, 'first'), link(page - 1, 'prev')] : [])];
  response.writeHead(200, { 'content-type': 'application/json', ...(links.length > 0 && { link: links.join(', ') }) }).end(JSON.stringify(list.slice((page - 1) * size, page * size)));
}

/** @param options.token bearer token that is asked for. @param options.perSecond requests beyond it in one second get 429. */
export function createIssuesServer({ token = 'demo-token', perSecond = 50 } = {}) {
  let second = 0;
  let asked = 0;
  return createServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) [second, asked] = [now, 0];
    asked += 1;
    if (request.headers.authorization !== `Bearer ${token}`) return refuse(response, 401, 'bad credentials');
    if (request.method !== 'GET') return refuse(response, 405, 'only GET');
    if (asked > perSecond) return refuse(response, 429, 'too many requests', { 'retry-after': '1' });
    if (url.pathname === '/issues') {
      const since = url.searchParams.get('since');
      if (since !== null && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(since)) return refuse(response, 422, '"since" is an instant such as 2026-01-31T00:00:00Z');
      return sendPage(url, response, issues.filter(({ updated_at: at }) => since === null || at >= since), ['page', 'per_page', 'since']);
    }
    const [, number] = /^\/issues\/(\d+)\/comments$/.exec(url.pathname) ?? [];
    if (number === undefined || !issues.some((issue) => issue.number === Number(number))) return refuse(response, 404, 'not found');
    return sendPage(url, response, commentsOf(Number(number)), ['page', 'per_page']);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createIssuesServer();
  server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}` })));
}
