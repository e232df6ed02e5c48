import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UnreadableValueError } from '../../src/domain/errors';
import { copyCsv } from '../../src/formats/copy-csv';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';

/** Rows as a database's COPY prints them: how long they may be. */
let home: string;
let engine: Engine;
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'millrace-copy-'));
  engine = await openEngine({ memoryLimit: '1GB', tempFolder: path.join(home, 'scratch'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  rmSync(home, { recursive: true, force: true });
});

const columns = [{ name: 'id', type: 'INTEGER', nullable: false }, { name: 't', type: 'VARCHAR', nullable: true }];
const lengths = (file: string, careful: boolean) => engine.session(new AbortController().signal, async (session) => {
  await copyCsv.read(session, { fields: 2 }, { path: file, columns, relation: 'landed', ordinals: false, rejects: 'bad', careful });
  return session.row('SELECT count(*) AS n, max(length(t)) AS longest FROM landed');
});

test.each([['a few megabytes too long', 12], ['longer than the buffers of the fast reader', 40]])('a row that is %s is read with care', async (_what, megabytes) => {
  const file = path.join(home, `${megabytes}.csv`);
  writeFileSync(file, `1,a\n2,${'x'.repeat(megabytes * 1_000_000)}\n3,c\n`);
  // The careful way is taken after this class of error alone.
  await expect(lengths(file, false)).rejects.toThrow(UnreadableValueError);
  expect(await lengths(file, true)).toEqual({ n: '3', longest: String(megabytes * 1_000_000) });
});
