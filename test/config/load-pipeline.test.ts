import { parseConnections } from '../../src/config/connections';
import { loadPipeline, parsePipeline } from '../../src/config/load-pipeline';
import { PipelineProblemsError } from '../../src/config/problems';
import type { StreamSpec } from '../../src/domain/pipeline';

const connections = parseConnections(`
crm: { connector: postgres, database: crm }
lake: { connector: files, path: lake }
warehouse: { connector: postgres, database: warehouse }
`, 'connections.yaml');

const problemsOf = (text: string, known = connections): readonly string[] => {
  try {
    parsePipeline(text, 'p.yaml', known);
    return [];
  } catch (error) {
    if (!(error instanceof PipelineProblemsError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
};

const streamOf = (words: string, top = 'source: crm\ndestination: warehouse'): string => `pipeline: p\n${top}\nstreams:\n  - { stream: orders, ${words} }\n`;
const specOf = (words: string, top?: string): StreamSpec => parsePipeline(streamOf(words, top), 'p.yaml', connections).streams[0]!;
const wrong = (words: string, top?: string): readonly string[] => problemsOf(streamOf(words, top)).map((problem) => problem.replace(/^\S+ /, ''));

const tenMistakes = `pipeline: 9lives
source: crn
destination: warehouse
descripton: nightly
limits: { rejects: 120%, concurrency: lots }
streams:
  - stream: orders
    mode: incremetal
    steps:
      - trm: { columns: "*" }
      - cast: { colums: { a: INTEGER } }
    checks:
      - not_nul: { columns: [id] }
  - stream: customers
    mode: incremental
    write: replace
    cursr: changed_at
`;

describe('a pipeline with mistakes', () => {
  it('lists every one with line, column and what was probably meant', () => {
    const problems = problemsOf(tenMistakes);
    const expected = [
      /^1:11 "pipeline" must start with a letter/,
      /^2:9 unknown connection "crn"; did you mean "crm"\?/,
      /^4:1 unknown word "descripton"; did you mean "description"\?/,
      /^5:20 "rejects" must be a share such as 0.1%/,
      /^5:39 "concurrency" must be a number, it is the text "lots"/,
      /^8:11 unknown mode "incremetal"; did you mean "incremental"\?/,
      /^10:9 unknown step "trm"; did you mean "trim"\?/,
      /^11:17 step "cast": unknown word "colums"; did you mean "columns"\?/,
      /^13:9 unknown check "not_nul"; did you mean "not_null"\?/,
      /^16:5 "mode: incremental" with "write: replace"/,
      /^17:5 unknown word "cursr"; did you mean "cursor"\?/,
    ];
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
    expect(problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)))).toEqual([]);
  });

  it('says them all in one message that names the file', () => {
    expect(() => parsePipeline(tenMistakes, 'pipelines/x.yaml', connections)).toThrow(/^reading "pipelines\/x.yaml": 11 problems\n {2}pipelines\/x.yaml:1:11: /);
  });

  it('tells broken YAML by its place', () => {
    expect(problemsOf('pipeline: p\nstreams: [\n')[0]).toMatch(/^3:1 /);
    expect(problemsOf('')).toEqual([expect.stringContaining('a pipeline is a map')]);
    expect(problemsOf('pipeline: p\npipeline: q\nsource: crm\ndestination: warehouse\nstreams: [{ stream: a }]\n')).toEqual([expect.stringMatching(/^2:1 .*unique/)]);
  });

  it('refuses a stream that would be loaded into the table it is read from', () => {
    const same = 'source: crm\ndestination: crm';
    expect(wrong('mode: full, write: merge, key: id', same)).toEqual(['stream "orders" would be loaded into the table that it is read from; name another with "to"']);
    expect(wrong('to: orders_kept', same)).toEqual([]);
    expect(wrong('query: "SELECT 1 AS id"', same)).toEqual([]);
    expect(wrong('')).toEqual([]);
  });

  it('names a file that is not there, and what writes one', async () => {
    await expect(loadPipeline('/nowhere/p.yaml')).rejects.toThrow(/"\/nowhere\/p.yaml": there is no such file; "millrace init"/);
  });
});

describe('defaults', () => {
  it('are all filled in', () => {
    expect(specOf('key: id, mode: incremental, cursor: changed_at, lookback: 10 minutes')).toEqual({
      stream: 'orders', to: 'orders', mode: 'incremental', write: 'merge', key: ['id'], orderBy: 'changed_at', cursor: 'changed_at', nullCursor: 'include',
      cursorChanges: 'always', lookback: 600_000, settle: 60_000, settleOnTimeout: 'hold_back', partition: { rows: 1_000_000 }, changedFile: 'reload', types: {},
      naming: 'keep', snapshot: false, keepPrevious: false, allowEmpty: false, visible: 'run', lineage: true, proof: 'rows', partitionBy: [], steps: [], checks: [],
    });
  });

  it('leave a changed file to a person where its earlier rows cannot be taken away', () => {
    const files = 'source: lake\ndestination: warehouse';
    const dedupe = 'key: id, mode: incremental, steps: [{ deduplicate: { keys: [id] } }]';
    expect(specOf('key: id, mode: incremental', files).changedFile).toBe('reload');
    expect(specOf(dedupe, files).changedFile).toBe('fail');
    expect(specOf('key: id, mode: incremental, lineage: false', files).changedFile).toBe('fail');
    expect(specOf('mode: incremental, write: append', 'source: lake\ndestination: lake').changedFile).toBe('fail');
    expect(wrong(`changed_file: reload, ${dedupe}`, files)).toEqual([expect.stringContaining('puts the rows of all files into one batch')]);
    expect(wrong('changed_file: reload, mode: incremental, key: id, lineage: false', files)).toEqual([expect.stringContaining('without "lineage"')]);
    expect(wrong('changed_file: reload, mode: incremental, write: append', 'source: lake\ndestination: lake')).toEqual([expect.stringContaining('"files" takes whole tables and folders away only')]);
  });

  it('choose the write that fits the mode', () => {
    expect(specOf('').write).toBe('replace');
    expect(specOf('mode: incremental, cursor: at').write).toBe('append');
    expect(specOf('mode: incremental, cursor: at').nullCursor).toBe('fail');
  });

  it('of the file hold for every stream that does not say otherwise', () => {
    const top = 'source: crm\ndestination: warehouse\ndefaults: { mode: incremental, cursor: at, lookback: month }';
    expect(specOf('key: id', top)).toMatchObject({ mode: 'incremental', cursor: 'at', lookback: 'month' });
    expect(problemsOf(streamOf('write: append', top))).toEqual([expect.stringMatching(/^4:44 "lookback" reads rows again/)]);
  });

  it('name columns in snake case from files, and keep names between databases', () => {
    expect(specOf('', 'source: lake\ndestination: warehouse').naming).toBe('snake_case');
    expect(specOf('').naming).toBe('keep');
  });

  it('show rows batch by batch only where nothing later can stop the run', () => {
    const append = 'mode: incremental, cursor: at, write: append';
    expect(specOf(append).visible).toBe('batch');
    expect(specOf(append, 'source: crm\ndestination: warehouse\nlimits: { rejects: 0.1% }').visible).toBe('run');
    expect(specOf(`${append}, lineage: false`).visible).toBe('run');
    expect(specOf(append, 'source: crm\ndestination: lake').visible).toBe('run');
  });

  it('name the table for the file', () => {
    expect(parsePipeline('pipeline: p\nsource: lake\ndestination: warehouse\nstreams: [{ stream: in/Movies-*.json.gz }]\n', 'p.yaml', connections).streams[0]!.to).toBe('movies');
  });

  it('take 0.1% as one in a thousand, four partitions at once, and wait for a person', () => {
    const spec = parsePipeline(streamOf('', 'source: crm\ndestination: warehouse\nlimits: { rejects: 0.1% }'), 'p.yaml', connections);
    expect(spec).toMatchObject({ limits: { rejects: 0.001, concurrency: 4 }, onFailure: 'hold' });
    expect(spec.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('mode and write', () => {
  const incremental = 'mode: incremental, cursor: at';
  it.each([
    ['write: append', 'adds every row again'],
    ['snapshot: true', '"snapshot: true" goes with'],
    [`${incremental}, write: replace`, 'would leave only the newest rows'],
    ['write: merge', '"write: merge" needs "key"'],
    ['write: scd2', '"write: scd2" needs "key"'],
    ['write: scd2, key: id, cursor: at, order_by: version', 'orders versions by "cursor"'],
    ['write: delete_insert', '"write: delete_insert" needs "by"'],
    ['write: delete_insert, by: window', 'a full read has no window'],
    ['by: [day]', '"by" goes with "write: delete_insert" only'],
    [`${incremental}, write: append, lookback: 1 day`, 'give "key"'],
    ['lookback: 1 day', '"lookback" goes with "mode: incremental" only'],
    [`${incremental}, key: id, settle_on_timeout: proceed`, 'it needs "lookback"'],
    ['keep_previous: 1, write: merge, key: id', '"keep_previous" goes with'],
    [`${incremental}, key: id, visible: batch`, '"visible: batch" goes with "write: append" only'],
    [`${incremental}, visible: batch, checks: [{ row_count: { must_be_greater_than: 0 } }]`, 'cannot be taken back'],
    [`${incremental}, key: id, lookback: 2 months`, 'write "month" for whole months'],
    ['types: { a: "INTEGER; drop table b" }', '"a" is no type'],
    [`${incremental}, key: id, settle: soon`, '"settle" is "soon"'],
    [`${incremental}, key: id, cursor_timezone: Europe/Berln`, 'unknown time zone "Europe/Berln"'],
  ])('refuses { %s }', (words, message) => {
    expect(wrong(words)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    'types: { a: "DECIMAL(18, 2)[]", b: "TIMESTAMP WITH TIME ZONE", c: "STRUCT(a INTEGER, b VARCHAR[])" }', 'write: append, snapshot: true', 'write: merge, key: id', 'write: delete_insert, by: [day]',
    `${incremental}, write: append, lookback: 1 day, key: id`, `${incremental}, write: merge, key: id`, `${incremental}, write: delete_insert, by: window`,
  ])('takes { %s }', (words) => {
    expect(wrong(words)).toEqual([]);
  });
});

describe('steps that need the whole stream, in an incremental one (semantics 5)', () => {
  const monthly = 'mode: incremental, cursor: at, cursor_changes: never, lookback: month';
  const steps = `steps: [{ add: { columns: { month: "date_trunc('month', at)" } } }, { aggregate: { by: [month, shop], measures: { n: "count(*)" } } }]`;
  it.each([
    [`${monthly.replace('cursor_changes: never, ', '')}, write: delete_insert, by: [month], ${steps}`, 'cursor_changes: never'],
    [`${monthly.replace(', lookback: month', '')}, write: delete_insert, by: [month], ${steps}`, 'needs "lookback: month"'],
    [`${monthly.replace('month', 'day')}, write: delete_insert, by: [month], ${steps}`, "date_trunc('day', at)"],
    [`${monthly.replace('month', '10 days')}, write: delete_insert, by: [month], ${steps}`, 'needs "lookback: month"'],
    [`${monthly}, write: delete_insert, by: [month], ${steps.replace('date_trunc(', "date_trunc('x', now()) + date_trunc(")}`, "date_trunc('month', at)"],
    [`${monthly}, write: delete_insert, by: [shop], ${steps}`, 'by: [month]'],
    [`${monthly}, write: delete_insert, by: window, ${steps}`, 'by: [month]'],
    [`${monthly}, write: merge, key: [month], ${steps}`, 'key: [month, shop]'],
    [`${monthly}, cursor_timezone: Europe/Berlin, write: delete_insert, by: [month], ${steps}`, 'cursor_timezone: UTC'],
    [`${monthly}, key: id, steps: [{ sql: { query: "select * from input" } }]`, '"sql" in an incremental stream'],
    [`${monthly}, key: id, steps: [{ fill_missing: { columns: [x], with: mean } }]`, '"group_by"'],
  ])('refuses { %s }', (words, message) => {
    expect(wrong(words)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    `${monthly}, write: delete_insert, by: [month], ${steps}`, `${monthly}, write: merge, key: [shop, month], ${steps}`,
    `${monthly.replace('month', 'year')}, write: delete_insert, by: [month], ${steps}`,
    `${monthly}, write: delete_insert, by: [d], steps: [{ aggregate: { by: { d: "at::date", s: shop }, measures: { n: "count(*)" } } }]`,
    `${monthly}, key: id, steps: [{ deduplicate: { keys: [id] } }]`, `write: replace, ${steps}`,
    `${monthly}, key: id, steps: [{ fill_missing: { columns: [x], with: mean, group_by: [at] } }]`,
  ])('takes { %s }', (words) => {
    expect(wrong(words)).toEqual([]);
  });
});

describe('words that are not built yet', () => {
  it.each([
    ['mode: cdc', '"mode: cdc" is not available yet; use "mode: incremental"'],
    ['contract: { columns: aprove }', 'aprove'],
    ['engine: destination', '"engine" is not available yet'],
    ['format: orc', 'format "orc" is not available yet; have its writer give Parquet'],
    ['to: "raw.{table}"', '"{…}" in "to" is not available yet'],
  ])('are refused by name: { %s }', (words, message) => {
    expect(wrong(words)).toEqual([expect.stringContaining(message)]);
  });

  it.each(['notify'])('are refused by name: %s', (word) => {
    expect(wrong('', `source: crm\ndestination: warehouse\n${word}: { a: 1 }`)).toEqual([expect.stringContaining(`"${word}" is not available yet`)]);
  });

  it('include a wildcard over tables, not over files', () => {
    const text = (source: string, stream: string) => `pipeline: p\nsource: ${source}\ndestination: warehouse\nstreams: [{ stream: "${stream}" }]\n`;
    expect(problemsOf(text('crm', 'public.*'))).toEqual([expect.stringContaining('a wildcard ("public.*") is not available yet')]);
    expect(problemsOf(text('lake', 'in/*.csv'))).toEqual([]);
  });
});

describe('between streams', () => {
  const text = (...streams: readonly string[]) => `pipeline: p\nsource: crm\ndestination: warehouse\nstreams:\n${streams.map((stream) => `  - { ${stream} }\n`).join('')}`;
  it('refuses one name or one table twice', () => {
    expect(problemsOf(text('stream: a-b, to: x', 'stream: a_b, to: y'))).toEqual([expect.stringMatching(/^6:15 stream "a_b" and "a-b" would be one folder/)]);
    expect(problemsOf(text('stream: a, to: x', 'stream: b, to: x'))).toEqual([expect.stringContaining('"x" is also the target of stream "a"')]);
  });

  const join = (stream: string) => `steps: [{ join: { stream: ${stream}, on: [id], columns: [name] } }]`;
  it('refuses a reference to no stream, and a circle', () => {
    expect(problemsOf(text('stream: orders', `stream: lines, ${join('ordres')}`))).toEqual([expect.stringContaining('unknown stream "ordres"; did you mean "orders"?')]);
    expect(problemsOf(text(`stream: a, ${join('b')}`, `stream: b, ${join('a')}`))).toEqual([expect.stringContaining('a → b → a')]);
  });
});
