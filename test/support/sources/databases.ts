import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Database } from 'node-sqlite3-wasm';
import { openEngine } from '../../../src/transforms/duckdb-engine';
import { mariaDbAvailable, startMariaDb } from '../mariadb';
import { createDatabase } from '../postgres';
import { commonRows, readAt, sqlValues, type SourceFixtureDefinition } from './fixture';

const words = { full: 'partition: { rows: 2 }', incremental: 'key: [id], cursor: at, settle: 1 second, partition: { rows: 2 }' };

export const postgres: SourceFixtureDefinition = {
  async open() {
    const database = await createDatabase();
    await database.run('CREATE TABLE things (id bigint PRIMARY KEY, big bigint, price numeric(38,9), t text, at timestamptz NOT NULL)');
    return {
      connection: { url: database.url }, stream: 'public.things', discovered: 'public.things', words, steps: commonRows(),
      columns: ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'],
      async grow(step) {
        await database.run(`INSERT INTO things VALUES ${sqlValues(commonRows()[step]!)}`);
        return readAt(step);
      },
      spoil: async () => { await database.run('ALTER TABLE things ALTER COLUMN big TYPE text'); },
      close: () => database.drop(),
    };
  },
};

export const mysql: SourceFixtureDefinition = {
  available: mariaDbAvailable,
  async open() {
    const server = await startMariaDb();
    const run = (sql: string): void => server.run(`SET time_zone = '+00:00'; ${sql}`, 'shop');
    server.run("CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'pass'; GRANT SELECT ON shop.* TO reader@'127.0.0.1'; GRANT PROCESS ON *.* TO reader@'127.0.0.1'");
    run('CREATE TABLE things (id BIGINT PRIMARY KEY, big BIGINT, price DECIMAL(38,9), t TEXT, at TIMESTAMP(6) NOT NULL) ENGINE=InnoDB');
    return {
      connection: { port: server.port, database: 'shop', user: 'reader', password: 'pass' }, stream: 'things', discovered: 'things', words, steps: commonRows(),
      columns: ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'],
      async grow(step) {
        run(`SET sql_mode = 'NO_BACKSLASH_ESCAPES'; INSERT INTO things VALUES ${sqlValues(commonRows('')[step]!)}; ANALYZE TABLE things`);
        return readAt(step);
      },
      spoil: async () => run('ALTER TABLE things MODIFY big VARCHAR(30) NULL'),
      close: () => server.stop(),
    };
  },
};

export const duckdb: SourceFixtureDefinition = {
  async open() {
    const baseFolder = mkdtempSync(path.join(tmpdir(), 'millrace duck '));
    const engine = await openEngine({ memoryLimit: '200MB', tempFolder: path.join(baseFolder, 'temp'), tempLimit: '1GB', slots: 1, threads: 1 });
    const run = (sql: string) => engine.file(path.join(baseFolder, 'things.duckdb'), { readOnly: false }, new AbortController().signal, (session) => session.run(sql));
    await run('CREATE TABLE things (id BIGINT, big BIGINT, price DECIMAL(38,9), t VARCHAR, "at" TIMESTAMPTZ)');
    return {
      baseFolder, connection: { path: 'things.duckdb' }, stream: 'main.things', discovered: 'main.things', words, steps: commonRows(),
      columns: ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'],
      async grow(step) {
        await run(`INSERT INTO things VALUES ${sqlValues(commonRows()[step]!)}`);
        return readAt(step);
      },
      spoil: () => run('ALTER TABLE things ALTER big TYPE VARCHAR'),
      async close() {
        await engine.close();
        await rm(baseFolder, { recursive: true, force: true });
      },
    };
  },
};

/** Full readings only, as yet. Numbers of more digits than a double holds, and times, are text there. */
export const sqlite: SourceFixtureDefinition = {
  async open() {
    const baseFolder = mkdtempSync(path.join(tmpdir(), 'millrace sqlite '));
    const run = (sql: string): void => {
      const database = new Database(path.join(baseFolder, 'things.db'));
      database.exec(sql);
      database.close();
    };
    run('CREATE TABLE things (id INTEGER PRIMARY KEY, big BIGINT, price TEXT, t TEXT, at TEXT)');
    const rows = commonRows('', (text) => text);
    return {
      baseFolder, connection: { path: 'things.db' }, stream: 'things', discovered: 'things', words: { full: '', incremental: null }, steps: rows,
      columns: ['id BIGINT', 'big BIGINT', 'price VARCHAR', 't VARCHAR', 'at VARCHAR'],
      async grow(step) {
        run(`INSERT INTO things VALUES ${sqlValues(rows[step]!.map((row) => ({ ...row, price: row['price'] === null ? null : `'${row['price']}'` })))}`);
        return readAt(step);
      },
      spoil: async () => run('DROP TABLE things; CREATE TABLE things (id INTEGER PRIMARY KEY, big TEXT, price TEXT, t TEXT, at TEXT)'),
      close: () => rm(baseFolder, { recursive: true, force: true }),
    };
  },
};
