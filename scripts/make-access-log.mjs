// `node scripts/make-access-log.mjs [LINES] > pipelines/data/access.log`: an access log of a small shop as a web server writes it, the same on each call.
const lines = Number(process.argv[2] ?? 3000);
let state = 20261124;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const pick = (list) => list[Math.floor(random() ** 2 * list.length)];
const two = (number) => String(number).padStart(2, '0');
const pages = ['/', '/products', '/products/17', '/products/42?ref=mail', '/cart', '/checkout', '/search?q=lamp', '/static/app.js', '/static/style.css', '/favicon.ico', '/api/stock/17', '/old-page', '/admin/login'];
const agents = ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36', 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15', 'curl/8.5.0', 'ExampleBot/1.0 (+https://bot.example/)', '-'];
const clients = Array.from({ length: 200 }, (_unused, index) => `${10 + (index % 90)}.${(index * 7) % 256}.${(index * 31) % 256}.${1 + (index % 254)}`);
const start = Date.UTC(2026, 9, 12);
for (let line = 0; line < lines; line += 1) {
  const at = new Date(start + Math.floor((line / lines) * 7 * 86_400_000));
  const time = `${two(at.getUTCDate())}/Oct/2026:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0200`;
  if (line % 751 === 750) { console.log(`${pick(clients)} - - [${time}] "GET /cut off by a full disk`); continue; }
  const page = pick(pages);
  const status = page === '/old-page' ? 404 : page === '/admin/login' ? 403 : random() < 0.01 ? 500 : random() < 0.1 ? 304 : 200;
  const bytes = status === 304 ? '-' : Math.floor(300 + random() * 60_000);
  const request = line % 613 === 612 ? '\\x16\\x03\\x01\\x02' : `${page === '/checkout' ? 'POST' : 'GET'} ${page} HTTP/1.1`;
  console.log(`${pick(clients)} - ${random() < 0.05 ? 'ann' : '-'} [${time}] "${request}" ${request.startsWith('\\x') ? 400 : status} ${bytes} "${random() < 0.6 ? 'https://shop.example/' : '-'}" "${pick(agents)}"`);
}
