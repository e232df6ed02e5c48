import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** Temporal's Web UI, as an operator meets it, in a browser that is found on this machine. */
const candidates = [process.env['CHROME_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];
const executablePath = candidates.find((file) => file && existsSync(file));

let database: TestDatabase;
let place: Installation;
let browser: Browser;
let page: Page;
let run: string;
const ui = (rest: string): string => `${process.env['MILLRACE_TEST_TEMPORAL_UI']}/namespaces/default/${rest}`;

beforeAll(async () => {
  if (!executablePath) throw new Error('no browser was found; install one (Debian: apt install chromium) or set CHROME_PATH');
  database = await createDatabase();
  place = await install(`inbox: { connector: files, path: inbox }\ndb: { connector: postgres, url: "${database.url}" }\n`);
  mkdirSync(path.join(place.home, 'inbox'));
  for (const part of [1, 2, 3, 4]) writeFileSync(path.join(place.home, `inbox/orders-${part}.csv`), `id,total\n${Array.from({ length: 2000 }, (_none, row) => `${part * 10_000 + row},${row % 97 === 0 ? 'none' : row * 1.5}`).join('\n')}\n`);
  await place.startWorker();
  const summary = await place.run('pipeline: shop\nsource: inbox\ndestination: db\nstreams:\n  - { stream: "orders-*.csv", to: orders, mode: full, write: merge, key: [id], types: { id: BIGINT, total: "DECIMAL(12,2)" } }\n', undefined, { searchAttributes: true });
  expect(summary.state).toBe('succeeded_with_rejects');
  run = summary.run.workflowId;
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  page = await browser.newPage({ viewport: { width: 1280, height: 1300 } });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await place?.close();
  await database?.drop();
});

test('runs with rejects are one query', async () => {
  await page.goto(ui(`workflows?query=${encodeURIComponent('WorkflowType="runPipeline" AND MillraceRejects > 0')}`));
  await page.getByText(run, { exact: true }).first().waitFor();
});

test('a stream reads like a story: each partition by name, then check and publish', async () => {
  await page.goto(ui(`workflows/${encodeURIComponent(`${run}/orders_csv`)}`));
  await page.getByText(/publish/).first().waitFor();
  const text = await page.locator('body').innerText();
  for (const verb of ['extract', 'transform', 'load', 'check', 'publish']) expect(text).toMatch(new RegExp(verb));
  if (process.env['MILLRACE_PICTURE']) await page.screenshot({ path: process.env['MILLRACE_PICTURE'] });
});
