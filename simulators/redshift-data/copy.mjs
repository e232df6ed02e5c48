// COPY from S3 and UNLOAD to it, against a real S3 server, with the rules of Redshift.
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import copyStreams from 'pg-copy-streams';
import { closing, isSign, isWord, printed, solid, SqlError, tokensOf } from './tokens.mjs';
import { spaced } from './columns.mjs';
import { loadParquet, refuseForParquet } from './copy-parquet.mjs';
import { recordsOf } from './records.mjs';

const quoteName = (name) => `"${name.replaceAll('"', '""')}"`;
const quoteText = (text) => `'${text.replaceAll("'", "''")}'`;

/** Options after the source: word → how many more tokens belong to it, with its value. */
function optionsOf(tokens, from, iamRoles) {
  const options = { format: 'delimited', gzip: false, manifest: false, null: null, ignoreHeader: 0, maxError: 0, noLoad: false, verbose: false, allowOverwrite: false, header: false, words: [] };
  let role = null;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    const value = () => tokens[at += 1];
    const valueAfterAs = () => (isWord(tokens[at + 1], 'as') ? (at += 1, value()) : value());
    options.words.push(token.value);
    if (isWord(token, 'iam_role')) role = valueAfterAs();
    else if (isWord(token, 'format')) options.format = valueAfterAs().value;
    else if (isWord(token, 'csv', 'parquet')) options.format = token.value;
    else if (isWord(token, 'gzip')) options.gzip = true;
    else if (isWord(token, 'manifest')) options.manifest = true;
    else if (isWord(token, 'verbose')) options.verbose = true;
    else if (isWord(token, 'header')) options.header = true;
    else if (isWord(token, 'allowoverwrite')) options.allowOverwrite = true;
    else if (isWord(token, 'null')) options.null = valueAfterAs().value;
    else if (isWord(token, 'region', 'maxfilesize', 'extension')) valueAfterAs();
    else if (isWord(token, 'mb', 'gb')) options.words.pop();
    else if (isWord(token, 'ignoreheader')) options.ignoreHeader = Number(valueAfterAs().value);
    else if (isWord(token, 'maxerror')) options.maxError = Number(valueAfterAs().value);
    else if (isWord(token, 'noload')) options.noLoad = true;
    else if (isWord(token, 'compupdate', 'statupdate', 'parallel')) value();
    else if (isWord(token, 'dateformat', 'timeformat')) {
      const format = valueAfterAs();
      if (format.kind !== 'text' || format.value !== 'auto') throw new SqlError(`${token.value} other than 'auto' is not simulated`);
    } else throw new SqlError(`syntax error at or near "${token.source}"`);
  }
  if (role === null) throw new SqlError('CREDENTIALS argument is required but not provided');
  if (!iamRoles.includes(role.value)) throw new SqlError(`User arn:aws:redshift:simulator is not authorized to assume IAM Role ${role.value}`);
  return options;
}

const place = (token) => {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(token?.kind === 'text' ? token.value : '') ?? [];
  if (bucket === undefined) throw new SqlError('an S3 path must be a literal such as s3://bucket/key');
  return { bucket, key };
};

/** @param world { client: pg, store: S3Client, iamRoles, loadError(detail) } @returns rows loaded */
export async function copyFromS3(tokens, world) {
  let at = 2;
  while (isSign(tokens[at], '.')) at += 2;
  const target = tokens.slice(1, at);
  let names = null;
  if (isSign(tokens[at], '(')) {
    const end = closing(tokens, at);
    names = tokens.slice(at + 1, end).filter((token) => !isSign(token, ',')).map(({ value }) => value);
    at = end + 1;
  }
  if (!isWord(tokens[at], 'from')) throw new SqlError('syntax error: COPY … FROM expected');
  const source = place(tokens[at + 1]);
  const options = optionsOf(tokens, at + 2, world.iamRoles);
  if (world.s3Fails()) throw new SqlError(`S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid SIMULATED,CanRetry 1`);
  if (options.format === 'delimited') throw new SqlError('COPY of delimited text is not simulated; use FORMAT CSV');
  if (options.format === 'parquet') refuseForParquet(names, options);
  const objects = options.manifest ? await manifestEntries(world, source) : await byPrefix(world, source);
  return options.format === 'parquet' ? loadParquet(printed(spaced(target)), objects, world) : loadInto(printed(spaced(target)), names, objects, options, world);
}

async function manifestEntries({ store }, { bucket, key }) {
  const text = await store.send(new GetObjectCommand({ Bucket: bucket, Key: key })).then((reply) => reply.Body.transformToString('utf8'), (error) => {
    throw new SqlError(error.name === 'NoSuchKey' ? `The specified S3 manifest s3://${bucket}/${key} does not exist` : `S3ServiceException: ${error.name}`);
  });
  let manifest;
  try { manifest = JSON.parse(text); } catch { throw new SqlError(`Manifest s3://${bucket}/${key} is not valid JSON`); }
  if (!Array.isArray(manifest.entries)) throw new SqlError('Manifest has no "entries"');
  const found = [];
  for (const entry of manifest.entries) {
    const object = place({ kind: 'text', value: entry.url });
    const head = await store.send(new HeadObjectCommand({ Bucket: object.bucket, Key: object.key })).catch(() => null);
    if (!head && entry.mandatory) throw new SqlError(`The specified S3 object ${entry.url} does not exist and is mandatory`);
    // As the service: what is missing and not mandatory is passed over in silence.
    if (!head) continue;
    // Stricter than the service, which looks at it for Parquet only.
    if (entry.meta?.content_length !== undefined && entry.meta.content_length !== head.ContentLength) throw new SqlError(`content_length of ${entry.url} is ${entry.meta.content_length} in the manifest, the object has ${head.ContentLength} bytes`);
    found.push({ ...object, length: entry.meta?.content_length });
  }
  if (found.length === 0) throw new SqlError('The manifest names no object that exists');
  return found;
}

async function byPrefix({ store }, { bucket, key }) {
  const { Contents = [] } = await store.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key })).catch((error) => { throw new SqlError(`S3ServiceException: ${error.name}`); });
  if (Contents.length === 0) throw new SqlError(`The specified S3 prefix '${key}' does not exist`);
  return Contents.map(({ Key }) => ({ bucket, key: Key }));
}

async function loadInto(target, names, objects, options, world) {
  const { client } = world;
  const { fields } = await client.query(`SELECT ${names ? names.map(quoteName).join(', ') : '*'} FROM ${target} LIMIT 0`);
  const { rows: domains } = await client.query("SELECT attname AS name, t.typname AS type FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = $1::regclass AND attnum > 0", [target]);
  const typeOf = new Map(domains.map(({ name, type }) => [name, type]));
  const columns = fields.map(({ name }) => name);
  const special = columns.some((name) => ['super', 'varbyte'].includes(typeOf.get(name)));
  const into = special ? '_simulator_copy' : target;
  if (special) await client.query(`CREATE TEMP TABLE _simulator_copy AS SELECT ${columns.map((name) => (['super', 'varbyte'].includes(typeOf.get(name)) ? `NULL::text AS ${quoteName(name)}` : quoteName(name))).join(', ')} FROM ${target} LIMIT 0`);
  const budget = { errors: 0 };
  if (special && options.noLoad) throw new SqlError('NOLOAD into SUPER or VARBYTE is not simulated');
  let rows = 0;
  for (const object of objects) rows += options.noLoad || world.faults.refusesSome() ? await loadRecords(into, target, columns, object, options, world, budget) : await loadObject(into, target, columns, object, options, world);
  if (!special) return rows;
  const values = columns.map((name) => ({ super: `${quoteName(name)}::jsonb`, varbyte: `decode(${quoteName(name)}, 'hex')` })[typeOf.get(name)] ?? quoteName(name));
  await client.query(`INSERT INTO ${target} (${columns.map(quoteName).join(', ')}) SELECT ${values.join(', ')} FROM _simulator_copy`).catch((error) => loadFailed(error, { target, columns, object: objects[0] }, world));
  await client.query('DROP TABLE _simulator_copy');
  return rows;
}

/** Record by record: those that are refused stand in the system table, and more than MAXERROR of them end it. NOLOAD keeps none. */
async function loadRecords(into, target, columns, object, options, world, budget) {
  const list = columns.map(quoteName).join(', ');
  const { Body } = await world.store.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key }));
  const bytes = Buffer.from(await Body.transformToByteArray());
  let rows = 0;
  for (const { line, text } of recordsOf(String(options.gzip ? gunzipSync(bytes) : bytes))) {
    await world.client.query('SAVEPOINT one_record');
    try {
      if (world.faults.refuses(text)) throw Object.assign(new Error('Invalid digit, Value \'x\', Pos 0, Type: Integer'), { code: '22000' });
      await pipeline(Readable.from([text, '\n']), world.client.query(copyStreams.from(`COPY ${into} (${list}) FROM STDIN (FORMAT csv, NULL ${quoteText(options.null ?? '')}, FORCE_NULL (${list}))`)));
      rows += 1;
      if (options.noLoad) await world.client.query('ROLLBACK TO one_record');
    } catch (error) {
      await world.client.query('ROLLBACK TO one_record');
      budget.errors += 1;
      const failed = Object.assign(error, { where: `line ${line}${/column ([^:]+)/.test(error.where ?? '') ? `, column ${/column ([^:]+)/.exec(error.where)[1]}` : ''}` });
      await loadFailed(failed, { target, columns, object }, world).catch((thrown) => { if (budget.errors > options.maxError || !(thrown instanceof SqlError)) throw thrown; });
    }
  }
  return rows;
}

/** A quoted NULL mark is NULL too: whether the service sees it so is not known, and this is the harder case. */
async function loadObject(into, target, columns, { bucket, key }, options, { client, store, loadError }) {
  const list = columns.map(quoteName).join(', ');
  const { Body } = await store.send(new GetObjectCommand({ Bucket: bucket, Key: key })).catch((error) => { throw new SqlError(`S3ServiceException: ${error.name} s3://${bucket}/${key}`); });
  const stream = client.query(copyStreams.from(`COPY ${into} (${list}) FROM STDIN (FORMAT csv, NULL ${quoteText(options.null ?? '')}, FORCE_NULL (${list})${options.ignoreHeader === 1 ? ', HEADER true' : ''})`));
  try {
    await pipeline(Body, ...(options.gzip ? [createGunzip()] : []), stream);
    return stream.rowCount;
  } catch (error) {
    return loadFailed(error, { target, columns, object: { bucket, key } }, { loadError });
  }
}

/** An error of a value becomes a row of the system table; of a CHECK, the constraint carries the column's name. */
async function loadFailed(error, { target, columns, object }, { loadError }) {
  if (error.code && !/^(22|23|Z_)/.test(error.code)) throw error;
  const [, line, column] = /line (\d+)(?:, column ([^:]+))?/.exec(error.where ?? '') ?? [];
  const guessed = column ?? columns.find((name) => error.constraint?.endsWith(`_${name}_check`)) ?? '';
  await loadError({ file: `s3://${object.bucket}/${object.key}`, line: Number(line ?? 0), column: guessed.replaceAll('"', ''), message: error.code === '23514' ? 'String length exceeds DDL length, or a value that the type cannot hold' : error.message });
  throw new SqlError(`Load into table '${target.split('.').at(-1).replaceAll('"', '')}' failed.  Check 'sys_load_error_detail' system table for details.`);
}

/** Tokens that are in no parentheses. */
function outerWords(tokens) {
  const found = [];
  for (let at = 0; at < tokens.length; at += 1) if (isSign(tokens[at], '(')) at = closing(tokens, at); else found.push(tokens[at]);
  return found;
}

/** `UNLOAD ('SELECT …') TO 's3://…' …`: one file in this simulator. @returns rows written */
export async function unloadToS3(tokens, { client, store, iamRoles, translateQuery, s3Fails }) {
  const end = isSign(tokens[1], '(') ? closing(tokens, 1) : -1;
  if (end !== 3 || tokens[2].kind !== 'text' || !isWord(tokens[4], 'to')) throw new SqlError("syntax error: UNLOAD ('select …') TO 's3://…' expected");
  const { bucket, key } = place(tokens[5]);
  const options = optionsOf(tokens, 6, iamRoles);
  if (s3Fails()) throw new SqlError('S3ServiceException:We encountered an internal error. Please try again.,Status 500,Error InternalError,Rid SIMULATED,CanRetry 1');
  if (options.format !== 'csv') throw new SqlError('UNLOAD other than FORMAT CSV is not simulated');
  if (outerWords(solid(tokensOf(tokens[2].value))).some((token) => isWord(token, 'limit'))) throw new SqlError('LIMIT clause is not supported in UNLOAD');
  const there = await store.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 })).catch((error) => { throw new SqlError(`S3ServiceException: ${error.name}`); });
  if ((there.KeyCount ?? 0) > 0 && !options.allowOverwrite) throw new SqlError(`Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.`);
  const stream = client.query(copyStreams.to(`COPY (${translateQuery(tokens[2].value)}) TO STDOUT (FORMAT csv, NULL ${quoteText(options.null ?? '')}${options.header ? ', HEADER true' : ''})`));
  const pieces = [];
  await pipeline(stream, ...(options.gzip ? [createGzip()] : []), async (source) => { for await (const piece of source) pieces.push(piece); });
  const body = Buffer.concat(pieces);
  const name = `${key}000${options.gzip ? '.gz' : ''}`;
  await store.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: body }));
  const entry = { url: `s3://${bucket}/${name}`, meta: { content_length: body.length, record_count: stream.rowCount } };
  if (options.manifest) await store.send(new PutObjectCommand({ Bucket: bucket, Key: `${key}manifest`, Body: JSON.stringify({ entries: [entry] }) }));
  return stream.rowCount;
}

