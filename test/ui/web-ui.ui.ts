import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunProgress } from '../../src/workflows/messages';
import { lockLedger, waitsForLock } from '../support/locks';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation } from '../support/worker';

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

/** Opens the page of a run that goes on. */
async function open(handle: WorkflowHandle): Promise<void> {
  await page.goto(ui(`workflows/${encodeURIComponent(handle.workflowId)}`));
  await page.getByRole('button', { name: 'More Actions' }).waitFor();
}

/** More Actions → Send a Signal or Send an Update → the name, as the run offers it → its input → Submit. */
async function send(what: 'Signal' | 'Update', name: string, input?: string): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menuitem', { name: what === 'Signal' ? 'Send a Signal' : 'Send an Update' }).click();
  const dialog = page.locator('[role=dialog], dialog[open]').filter({ has: page.locator(`#${what.toLowerCase()}-select`), visible: true }).first();
  await dialog.locator(`button[aria-controls="${what.toLowerCase()}-select-select"]`).click();
  await dialog.getByRole('option').filter({ hasText: name }).first().click();
  if (input !== undefined) {
    await dialog.getByRole('textbox', { name: 'Data' }).click();
    await page.keyboard.insertText(input);
  }
  await dialog.getByRole('button', { name: 'Submit' }).click();
}

const pressed = (name: string): string => `pipeline: ${name}\nsource: inbox\ndestination: db\nstreams:\n  - { stream: "orders-*.csv", to: ${name}, mode: full, write: merge, key: [id], types: { id: BIGINT } }\n`;
const progressOf = (handle: WorkflowHandle) => handle.query<RunProgress>('progress');

test('pause, concurrency and resume, pressed there, do what they say and show', async () => {
  const unlock = await lockLedger(database);
  try {
    const handle = await place.start(pressed('pressed'));
    await eventually(() => waitsForLock(database), 'it is at work');
    await open(handle);
    await send('Signal', 'pause', '{"reason": "the source is needed", "by": "ann"}');
    await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
    expect((await progressOf(handle)).message).toContain('paused by ann (the source is needed)');
    await open(handle);
    await send('Update', 'setConcurrency', '{"concurrency": 2}');
    await eventually(async () => (await progressOf(handle)).concurrency === 2, 'two at once');
    await unlock();
    await open(handle);
    await send('Signal', 'resume');
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { loaded: 8000 } });
  } finally {
    await unlock().catch(() => undefined);
  }
});

test('Request Cancellation, pressed there, ends the run as Cancelled, with its receipt', async () => {
  const unlock = await lockLedger(database);
  try {
    const handle = await place.start(pressed('given_up'));
    await eventually(() => waitsForLock(database), 'it is at work');
    await open(handle);
    await page.getByRole('button', { name: 'Request Cancellation' }).filter({ visible: true }).first().click();
    await page.getByRole('button', { name: 'Confirm' }).filter({ visible: true }).first().click();
    expect(await summaryOf(handle)).toMatchObject({ state: 'cancelled' });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  } finally {
    await unlock().catch(() => undefined);
  }
});
