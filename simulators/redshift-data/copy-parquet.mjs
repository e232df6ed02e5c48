// COPY from Parquet: DuckDB reads the file, and what Redshift is strict about is looked at before.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import copyStreams from 'pg-copy-streams';
import { SqlError } from './tokens.mjs';

const allowed = ['iam_role', 'format', 'parquet', 'manifest', 'statupdate', 'fillrecord', 'acceptinvchars'];

/** Few words go with it, and no list of columns: they are matched by their place. */
export function refuseForParquet(names, options) {
  const other = options.words.find((word) => !allowed.includes(word));
  if (other) throw new SqlError(`${other.toUpperCase()} argument is not supported for PARQUET based COPY`);
  if (names) throw new SqlError('a list of columns with PARQUET is not simulated: columns are matched by their place');
  if (!options.manifest) throw new SqlError('COPY from Parquet without a manifest is not simulated');
}

/** Type in Postgres → types of DuckDB that COPY reads into it. Not there: TIME, TIMETZ, TIMESTAMPTZ and SUPER, which come as text or moments. */
const readable = {
  boolean: /^BOOLEAN$/, smallint: /^(TINYINT|SMALLINT)$/, integer: /^(SMALLINT|INTEGER)$/, bigint: /^(SMALLINT|INTEGER|BIGINT)$/, real: /^FLOAT$/, 'double precision': /^(FLOAT|DOUBLE)$/, date: /^DATE$/,
  'timestamp without time zone': /^TIMESTAMP$/, 'character varying': /^VARCHAR$/, varbyte: /^BLOB$/,
};

function refuseTypes(there, own) {
  if (there.length !== own.length) throw new SqlError(`Unmatched number of columns between table and file. Table columns: ${there.length}, Data columns: ${own.length}`);
  there.forEach(({ name, type }, index) => {
    const decimal = /^numeric\((\d+),(\d+)\)$/.exec(type);
    const fits = decimal ? own[index] === `DECIMAL(${decimal[1]},${decimal[2]})` : readable[type.replace(/\(.*/, '')]?.test(own[index]);
    if (!fits) throw new SqlError(`Spectrum Scan Error. File has an incompatible Parquet schema for column "${name}": ${own[index]} for ${type}`);
  });
}

export async function loadParquet(target, objects, { client, store }) {
  const { rows: there } = await client.query("SELECT attname AS name, CASE t.typname WHEN 'varbyte' THEN 'varbyte' WHEN 'super' THEN 'super' ELSE format_type(atttypid, atttypmod) END AS type FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", [target]);
  const folder = await mkdtemp(path.join(tmpdir(), 'redshift-simulator-'));
  const duck = await (await DuckDBInstance.create(':memory:')).connect();
  try {
    let rows = 0;
    for (const [index, { bucket, key, length }] of objects.entries()) {
      if (length === undefined) throw new SqlError('Manifest entry has no content_length, which PARQUET needs');
      const { Body } = await store.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      const [parquet, csv] = [path.join(folder, `${index}.parquet`), path.join(folder, `${index}.csv`)];
      await writeFile(parquet, Body);
      const columns = (await duck.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${parquet}')`)).getRowObjects();
      refuseTypes(there, columns.map(({ column_type: type }) => type));
      const values = columns.map(({ column_name: name, column_type: type }) => (type === 'BLOB' ? `'\\x' || hex("${name.replaceAll('"', '""')}")` : `"${name.replaceAll('"', '""')}"`));
      await duck.run(`COPY (SELECT ${values.join(', ')} FROM read_parquet('${parquet}')) TO '${csv}' (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)`);
      const into = client.query(copyStreams.from(`COPY ${target} FROM STDIN (FORMAT csv, NULL '\\N')`));
      await pipeline(createReadStream(csv), into).catch((error) => { throw new SqlError(error.code && !/^(22|23)/.test(error.code) ? error.message : `Spectrum Scan Error: a value does not fit its column in file s3://${bucket}/${key}`); });
      rows += into.rowCount;
    }
    return rows;
  } finally {
    duck.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}
