// A stand-in for the Redshift Data API: see README.md.
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { createFaults, kinds } from './faults.mjs';
import { createOperations } from './operations.mjs';
import { prelude } from './prelude.mjs';
import { openSession } from './run-statement.mjs';
import { signatureProblem } from './signature.mjs';
import { createStatements, ServiceError } from './statements.mjs';

const statusOf = { ResourceNotFoundException: 404, ExecuteStatementException: 500, BatchExecuteStatementException: 500, InternalServerException: 500, DatabaseConnectionException: 500 };

function send(response, status, text, type) {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': '00000000-0000-4000-8000-000000000000', ...(type && { 'x-amzn-errortype': type }) }).end(text);
}
const refuse = (response, { status, type, message, more = {} }) => send(response, status, JSON.stringify({ __type: type, Message: message, ...more }), type);

/**
 * @param options.postgres URL of the database that rows live in, or a function that tells it once it is up; @param options.s3 { endpoint, accessKeyId, secretAccessKey };
 * @param options accessKeyId, secretAccessKey, region, database, targets (workgroups and clusters), iamRoles, isolation, most, pageRows
 */
export async function createRedshiftServer({ postgres, s3, accessKeyId = 'simulator', secretAccessKey = 'simulator-secret', region = 'us-east-1', database = 'dev', targets = ['simulator'], iamRoles = ['default'], isolation = 'snapshot', most = 500, pageRows = 1000 }) {
  const urlOf = () => (typeof postgres === 'function' ? postgres() : postgres);
  let prepared = null;
  const prepare = () => (prepared ??= openSession(urlOf()).then((session) => session.query(prelude).finally(() => session.end())));
  if (typeof postgres === 'string') await prepare();
  const store = new S3Client({ endpoint: s3.endpoint, region, credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey }, forcePathStyle: true });
  const faults = createFaults();
  const statements = createStatements({ most, faults, settings: () => ({ url: urlOf(), store, iamRoles, isolation }) });
  const asked = {};
  const operations = createOperations({ statements, database, targets, pageRows });

  async function answer(request, response, body) {
    if (request.url.startsWith('/_simulator/')) return control(request, response, body);
    if (request.method !== 'POST' || request.url !== '/') return refuse(response, { status: 404, type: 'UnknownOperationException', message: 'no such resource' });
    const problem = signatureProblem(request, body, { accessKeyId, secretAccessKey, region });
    if (problem) return refuse(response, problem);
    if (request.headers['content-type'] !== 'application/x-amz-json-1.1') return refuse(response, { status: 400, type: 'SerializationException', message: 'content-type must be application/x-amz-json-1.1' });
    const operation = /^RedshiftData\.(\w+)$/.exec(request.headers['x-amz-target'] ?? '')?.[1];
    if (!operation || !Object.hasOwn(operations, operation)) return refuse(response, { status: 400, type: 'UnknownOperationException', message: `operation ${operation} is not simulated` });
    await prepare();
    asked[operation] = (asked[operation] ?? 0) + 1;
    if (faults.request(operation)) return refuse(response, { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' });
    const { text, statement } = await operations[operation](JSON.parse(body.toString('utf8')));
    if (faults.answer(operation, statement)) return response.destroy();
    send(response, 200, text);
  }

  /** The simulator's own: faults, and what was asked so far. Not signed, not part of the service. */
  function control(request, response, body) {
    const input = body.length > 0 ? JSON.parse(body.toString('utf8')) : {};
    if (request.url === '/_simulator/fault' && kinds.includes(input.kind)) faults.add(input);
    else if (request.url === '/_simulator/release') faults.release();
    else if (request.url === '/_simulator/expire') statements.forget();
    else if (request.url === '/_simulator/asked') return send(response, 200, JSON.stringify(asked));
    else if (request.url === '/_simulator/statements') return send(response, 200, JSON.stringify(statements.all().map(({ id, name, status, error, sqls }) => ({ id, name, status, error, sqls }))));
    else return refuse(response, { status: 400, type: 'UnknownOperationException', message: 'unknown request to the simulator' });
    send(response, 200, '{}');
  }

  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('error', () => undefined);
    request.on('end', () => answer(request, response, Buffer.concat(pieces)).catch((error) => {
      if (error instanceof ServiceError) return refuse(response, { status: statusOf[error.type] ?? 400, type: error.type, message: error.message, more: error.more });
      refuse(response, { status: 500, type: 'InternalServerException', message: String(error.stack ?? error) });
    }));
  });
  server.keepAliveTimeout = 1000;
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port = 0, ...options } = JSON.parse(process.argv[2] ?? '{}');
  const server = await createRedshiftServer(options);
  server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}` })));
}
