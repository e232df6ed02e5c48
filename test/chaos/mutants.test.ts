import type { RunSummary } from '../../src/domain/receipt';
import { connections, createOrders, pipelineOf, wordsOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { twoAttempts, wakeUpLate } from '../support/late';
import { install, summaryOf, type Patch } from '../support/worker';

/** Millrace without one of its guards, or with one false count, must not pass: else the suite would prove nothing. */
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
});
afterAll(async () => {
  await source.drop();
  await database.drop();
});

/** Fails instead of waiting for a person. */
const failing = (name: string, words: string): string => `${pipelineOf(name, 'db', words)}on_failure: fail\n`;
const countOf = async (table: string): Promise<string> => {
  const { there } = await database.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [table]);
  return there === 'true' ? (await database.row(`SELECT count(*)::text AS n FROM ${table}`))['n']! : '0';
};
const why = ({ streams }: RunSummary): string => streams[0]!.error?.message ?? '';

const withoutLedgerCheck: readonly Patch[] = [
  { file: 'connectors/postgres/load.js', find: 'const findLoad = async (connection, names, id) =>', put: 'const findLoad = async () => null; const unused = async (connection, names, id) =>' },
  { file: 'connectors/postgres/load.js', find: 'await connection.run(`INSERT INTO ${names.loads}', put: 'await connection.run(`DELETE FROM ${names.loads} WHERE batch_id = $1`, [batch.id]); await connection.run(`INSERT INTO ${names.loads}' },
];
const withoutFence: readonly Patch[] = [
  { file: 'connectors/postgres/load.js', find: 'if (found.length === 0)', put: 'if (false)' },
];
const withoutPutIfAbsent: readonly Patch[] = [
  { file: 'stores/local-staging.js', find: `if (error.code !== 'EEXIST')`, put: `if (error.code === 'EEXIST') { await (0, promises_1.writeFile)(file, text); return text; } if (true)` },
];

/** A worker dies between its commit and its answer; the next one loads that batch again. */
async function loadAgain(name: string, patches: readonly Patch[]): Promise<RunSummary> {
  const place = await install(connections(source, database), { patches });
  try {
    const worker = await place.startWorker('load:after-commit');
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    const handle = await place.start(failing(name, wordsOf('append_batch')));
    await gone;
    await place.startWorker();
    return await summaryOf(handle);
  } finally {
    await place.close();
  }
}

/** Two attempts read one live table, which has more rows for the second; the first one records its manifest last. */
async function extractTwice(name: string, patches: readonly Patch[]): Promise<RunSummary> {
  const live = await createDatabase();
  await createOrders(live);
  const yaml = failing(name, 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id <> 0" } }]').replace('rows: 1000', 'rows: 5000');
  try {
    const { place, summary } = await twoAttempts(connections(live, database), yaml, {
      file: 'activities/extract-partition.js', point: 'extract:after-data', patches,
      meanwhile: () => live.run(`INSERT INTO orders SELECT -n, n, 'late', now() FROM generate_series(1, 7) n`),
    });
    await place.close();
    return summary;
  } finally {
    await live.drop();
  }
}

describe('without one of its guards a crash does harm, which the suite notices', () => {
  test.concurrent('without the ledger check a batch is loaded again', async () => {
    const summary = await loadAgain('mutant_ledger', withoutLedgerCheck);
    expect([summary.state, await countOf('mutant_ledger')]).not.toEqual(['succeeded', '3000']);
  }, 120_000);

  test.concurrent('without the fence an attempt that wakes up late adds its rows', async () => {
    const { summary, close } = await wakeUpLate(connections(source, database), pipelineOf('mutant_fence', 'db', wordsOf('append_batch')), 'load:after-data', { patches: withoutFence });
    await close();
    expect([summary.state, await countOf('mutant_fence')]).not.toEqual(['succeeded', '3000']);
  }, 120_000);

  test.concurrent('without put-if-absent a second reading replaces the record of the first', async () => {
    const summary = await extractTwice('mutant_put', withoutPutIfAbsent);
    expect(summary.state).toBe('failed');
    expect(why(summary)).toContain('do not add up');
  }, 120_000);

  test.concurrent('with put-if-absent the first record stands, and two readings of a live table do no harm', async () => {
    expect(await extractTwice('two_readings', [])).toMatchObject({ state: 'succeeded', totals: { read: 3007, loaded: 3007 } });
    expect(await countOf('two_readings')).toBe('3007');
  }, 120_000);
});

const falsified: readonly (readonly [stage: string, word: string, said: RegExp, patches: readonly Patch[]])[] = [
  ['the count of the source', 'replace_staged', /do not add up/, [{ file: 'connectors/postgres/copy-out.js', find: 'rows: stream.rowCount,', put: 'rows: stream.rowCount + 1,' }]],
  ['a manifest', 'replace', /files hold|rows arrived/, [{ file: 'activities/extract-partition.js', find: 'sum + file.rows, 0)', put: 'sum + file.rows, 1)' }]],
  ['a count of a step', 'replace_staged', /do not add up/, [{ file: 'transforms/fates.js', find: 'number(`left${index}`)', put: '(number(`left${index}`) + 1)' },
    // Counted as rows pass it would be noticed, and the batch read again with care.
    { file: 'transforms/fates.js', find: 'taken(ticketOf(left))', put: '(taken(ticketOf(left)) + 1)' }]],
  ['the staged rows of a batch', 'replace_staged', /files hold|do not add up|rows arrived/, [{ file: 'activities/transform-batch.js', find: 'rows: staged.rows,', put: 'rows: staged.rows + 1,' }]],
  ['the rows of a load', 'replace_staged', /rows arrived/, [{ file: 'connectors/postgres/copy-in.js', find: 'return stream.rowCount;', put: 'return stream.rowCount + 1;' }]],
  ['the rows in the destination', 'append_batch', /in the destination/, [{ file: 'connectors/postgres/destination.js', find: `[row['batch_id'], Number(row['n'])]`, put: `[row['batch_id'], Number(row['n']) - 1]` }]],
  ['the rows of a publish', 'append', /the table holds/, [{ file: 'connectors/postgres/publish.js', find: 'writeRows)(loading, names, request, batches);', put: 'writeRows)(loading, names, request, batches); written.rows += 1;' }]],
  ['the receipt of a publish', 'append', /do not add up/, [{ file: 'connectors/postgres/publish.js', find: '...written, deleted:', put: '...written, rows: written.rows - 1, deleted:' }]],
];

test.concurrent.each(falsified)('%s is wrong by one: the run does not succeed (%s)', async (stage, word, said, patches) => {
  const name = `false_${falsified.findIndex(([other]) => other === stage)}`;
  const place = await install(connections(source, database), { patches });
  try {
    await place.startWorker();
    const summary = await place.run(failing(name, wordsOf(word)));
    expect(summary.state).toBe('failed');
    expect(why(summary)).toMatch(said);
    // Beyond the publish nothing can be taken back, but the run says that it is wrong.
    if (stage !== 'the receipt of a publish' && word !== 'append_batch') expect(await countOf(name)).toBe('0');
  } finally {
    await place.close();
  }
}, 120_000);
