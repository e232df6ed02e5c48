import { DestinationHeldError, DestinationUnavailableError, EtlError } from '../../../domain/errors';

const passing = /Throttl|TooManyRequests|InternalService|OperationTimeout|ConcurrentModification|ServiceUnavailable|ResourceNotReady|TimeoutError/;

/** An error of the catalog as an EtlError: what was done, to which table, what Glue said, what to do. */
export function catalogError(error: unknown, operation: string, table: string): unknown {
  if (EtlError.is(error) || !(error instanceof Error) || error.name === 'AbortError') return error;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  const where = `registering "${table}" in the Glue Data Catalog: ${operation}: ${error.message || error.name} (${error.name})`;
  const facts = { table, operation, error: error.name };
  if (status === undefined ? !/credential|profile|region/i.test(error.message) : status >= 500 || passing.test(error.name)) return new DestinationUnavailableError(`${where}; it is tried again until the catalog answers`, facts);
  const [database = '', name = ''] = table.split('.');
  const remedy = error.name === 'AccessDeniedException'
    ? `grant glue:${operation} on arn:aws:glue:REGION:ACCOUNT:catalog, …:database/${database} and …:table/${database}/${name} to the principal of these credentials (with Lake Formation, there too)`
    : /UnrecognizedClient|InvalidSignature|ExpiredToken|MissingAuthentication|Credentials/.test(error.name) ? 'correct the credentials and the region of the connection' : 'mend that';
  return new DestinationHeldError(`${where}; ${remedy}, then "millrace resume RUN"`, facts);
}

export const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;
