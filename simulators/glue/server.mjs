// A stand-in for the AWS Glue Data Catalog: see README.md.
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { signatureProblem } from '../redshift-data/signature.mjs';
import { createCatalog, members, ServiceError } from './tables.mjs';

const statusOf = { InternalServiceException: 500, OperationTimeoutException: 500 };

function send(response, status, body, type) {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': '00000000-0000-4000-8000-000000000000', ...(type && { 'x-amzn-errortype': type }) }).end(JSON.stringify(body));
}
const refuse = (response, { status, type, message }) => send(response, status, { __type: type, Message: message }, type);

/** @param options accessKeyId, secretAccessKey, region; pageSize of GetPartitions */
export function createGlueServer({ accessKeyId = 'simulator', secretAccessKey = 'simulator-secret', region = 'us-east-1', pageSize = 3 } = {}) {
  const catalog = createCatalog({ pageSize });
  const asked = [];
  let faults = [];

  function answer(request, response, body) {
    if (request.url.startsWith('/_simulator/')) return control(request, response, body);
    if (request.method !== 'POST' || request.url !== '/') return refuse(response, { status: 404, type: 'UnknownOperationException', message: 'no such resource' });
    const problem = signatureProblem(request, body, { accessKeyId, secretAccessKey, region, service: 'glue' });
    if (problem) return refuse(response, problem);
    if (request.headers['content-type'] !== 'application/x-amz-json-1.1') return refuse(response, { status: 400, type: 'SerializationException', message: 'content-type must be application/x-amz-json-1.1' });
    const operation = /^AWSGlue\.(\w+)$/.exec(request.headers['x-amz-target'] ?? '')?.[1];
    if (!operation || !Object.hasOwn(members, operation)) return refuse(response, { status: 400, type: 'UnknownOperationException', message: `operation ${operation} is not simulated` });
    const input = JSON.parse(body.toString('utf8'));
    const unknown = Object.keys(input).filter((key) => !members[operation].includes(key));
    if (unknown.length > 0) return refuse(response, { status: 400, type: 'InvalidInputException', message: `${operation}: ${unknown.join(', ')} is not simulated` });
    asked.push(operation);
    const fault = faults.find((one) => one.operation === operation);
    if (fault) {
      faults = faults.filter((one) => one !== fault);
      if (fault.kind !== 'lost') return refuse(response, fault.kind === 'denied'
        ? { status: 400, type: 'AccessDeniedException', message: `User: arn:aws:iam::000000000000:user/${accessKeyId} is not authorized to perform: glue:${operation}` } : { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' });
      catalog[operation](input);
      return response.destroy();
    }
    send(response, 200, catalog[operation](input));
  }

  /** The simulator's own: what goes wrong next, and what was asked so far. Not signed, not part of the service. */
  function control(request, response, body) {
    if (request.url === '/_simulator/fault') faults.push(JSON.parse(body.toString('utf8')));
    else if (request.url === '/_simulator/asked') return send(response, 200, asked.splice(0));
    else return refuse(response, { status: 400, type: 'UnknownOperationException', message: 'unknown request to the simulator' });
    send(response, 200, {});
  }

  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('error', () => undefined);
    request.on('end', () => {
      try {
        answer(request, response, Buffer.concat(pieces));
      } catch (error) {
        if (error instanceof ServiceError) refuse(response, { status: statusOf[error.type] ?? 400, type: error.type, message: error.message });
        else refuse(response, { status: 500, type: 'InternalServiceException', message: String(error.stack ?? error) });
      }
    });
  });
  server.keepAliveTimeout = 1000;
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port = 0, ...options } = JSON.parse(process.argv[2] ?? '{}');
  const server = createGlueServer(options);
  server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${server.address().port}` })));
}
