import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { main } from '../../src/client';
import { summaryWith } from './a-summary';

const folder = mkdtempSync(path.join(tmpdir(), 'cli with spaces-'));
const home = path.join(folder, '.millrace');
const before = { ...process.env };

beforeAll(() => {
  Object.assign(process.env, { MILLRACE_HOME: home, TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml') });
  delete process.env['TEMPORAL_ADDRESS'];
});
afterAll(() => { process.env = before; });

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function millrace(...argv: readonly string[]): Promise<Said> {
  const said = { out: '', err: '' };
  const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => { said.out += String(text); return true; });
  const err = jest.spyOn(process.stderr, 'write').mockImplementation((text) => { said.err += String(text); return true; });
  try {
    return { code: await main(argv), ...said, get out() { return said.out; }, get err() { return said.err; } };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
const events = ({ out }: Said): readonly Record<string, unknown>[] => out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

describe('help', () => {
  it.each(['init', 'check', 'run', 'status', 'pause', 'resume', 'cancel', 'list', 'worker'])('of %s has an example and --json', async (command) => {
    const { code, out } = await millrace(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain('Example:\n  ');
    expect(out).toContain('--json');
  });

  it('stays within 80 columns and lists the exit codes', async () => {
    const { out } = await millrace('--help');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(out).toContain('130 detached');
  });

  it('answers a misspelt command with the one that was meant', async () => {
    const { code, err } = await millrace('statsu');
    expect(code).toBe(4);
    expect(err).toContain('Did you mean status?');
  });
});

describe('init', () => {
  const project = path.join(folder, 'shop');
  it('writes a project that parses, and overwrites nothing', async () => {
    expect(await millrace('init', project)).toMatchObject({ code: 0, out: expect.stringContaining('millrace run orders.yaml') as string });
    expect(existsSync(path.join(project, 'data/orders.csv'))).toBe(true);
    expect(readFileSync(path.join(project, '.gitignore'), 'utf8')).toContain('.millrace/');
    expect(await millrace('init', project)).toMatchObject({ code: 4, err: expect.stringContaining('orders.yaml, connections.yaml, data/orders.csv, .gitignore, pipeline.schema.json, connections.schema.json would be overwritten') as string });
  });

  it('writes a project whose pipeline has no problem', async () => {
    expect(await millrace('check', path.join(project, 'orders.yaml'))).toMatchObject({ code: 0, out: expect.stringMatching(/1 stream, every word understood(.|\n)*no Temporal server/) as string, err: '' });
  });
});

describe('check', () => {
  it('lists every problem and ends with 4', async () => {
    const file = path.join(folder, 'bad.yaml');
    writeFileSync(file, 'pipeline: a\nsource: b\ndestination: b\nstrems: []\n');
    const said = await millrace('check', file);
    expect(said.code).toBe(4);
    expect(said.err).toContain(`${file}:4:1: unknown word "strems"; did you mean "streams"?`);
    expect(events(await millrace('check', file, '--json'))).toMatchObject([{ event: 'error', exitCode: 4, problems: expect.arrayContaining([expect.objectContaining({ line: 4, column: 1 })]) as unknown }]);
  });

  it('warns of a password in connections.yaml without showing it', async () => {
    const other = path.join(folder, 'other');
    mkdirSync(other);
    writeFileSync(path.join(other, 'connections.yaml'), 'a: { connector: postgres, database: a, password: hunter2 }\n');
    writeFileSync(path.join(other, 'p.yaml'), 'pipeline: p\nsource: a\ndestination: a\nstreams: [{ stream: x, to: y }]\n');
    const { code, out, err } = await millrace('check', path.join(other, 'p.yaml'));
    expect(code).toBe(0);
    expect(out).toMatch(/warning .*connections.yaml:1:50: connection "a": a password stands in the file/);
    expect(out + err).not.toContain('hunter2');
  });
});

describe('status without a server', () => {
  beforeAll(() => {
    const run = path.join(home, 'staging/shop/run-20260801T000000Z');
    mkdirSync(run, { recursive: true });
    mkdirSync(path.join(home, 'staging/shop/run-20260802T000000Z'));
    writeFileSync(path.join(run, 'receipt.json'), JSON.stringify(summaryWith({ state: 'cancelled' })));
  });

  it.each([[[]], [['shop']], [['shop/run-2026-08-01T00:00:00Z']], [['shop/run-20260801T000000Z']]])('reads receipts: %p', async (argv) => {
    const { code, out } = await millrace('status', ...argv);
    expect(code).toBe(0);
    expect(out).toContain('shop/run-2026-08-01T00:00:00Z');
    expect(out).toContain('cancelled');
  });

  it('tells every term of a run, so that its line adds up', async () => {
    const run = path.join(home, 'staging/summed/run-20260801T000000Z');
    mkdirSync(run, { recursive: true });
    const summary = summaryWith({});
    writeFileSync(path.join(run, 'receipt.json'), JSON.stringify({ ...summary, run: { ...summary.run, pipeline: 'summed', workflowId: 'summed/run-2026-08-01T00:00:00Z' }, totals: { read: 2002, created: 0, loaded: 1500, rejected: 0, filtered: 0, deduplicated: 502, aggregated: 0 } }));
    expect((await millrace('status', 'summed')).out).toContain('read 2,002, loaded 1,500, rejected 0, deduplicated 502\n');
    rmSync(path.dirname(run), { recursive: true });
  });

  it('gives the receipts with --json', async () => {
    expect(events(await millrace('status', '--json'))).toMatchObject([{ event: 'status', running: [], receipts: [{ state: 'cancelled' }] }]);
  });

  it('knows when it knows nothing', async () => {
    expect(await millrace('status', 'nothing')).toMatchObject({ code: 1, out: expect.stringContaining('nothing is known of "nothing"') as string });
  });
});

describe('list', () => {
  it.each(['connectors', 'steps', 'checks'])('%s comes from the registry', async (kind) => {
    const { code, out } = await millrace('list', kind);
    expect(code).toBe(0);
    expect(out.trim().split('\n').length).toBeGreaterThan(1);
  });
  it('refuses another kind', async () => {
    expect((await millrace('list', 'things')).code).toBe(4);
  });
});

it.each(['pause', 'resume', 'cancel'])('%s without a server says how to start one', async (command) => {
  expect(await millrace(command, 'shop')).toMatchObject({ code: 1, err: expect.stringContaining('start "millrace dev"') as string });
});

it('run refuses a logical date that is none, and two ways at once', async () => {
  expect(await millrace('run', 'a.yaml', '--logical-date', 'yesterday')).toMatchObject({ code: 4, err: expect.stringContaining('write a date such as 2026-08-01') as string });
  expect((await millrace('run', 'a.yaml', '--queue', '--refuse')).code).toBe(4);
});

