import { RedshiftDataServiceException } from '@aws-sdk/client-redshift-data';
import { DestinationHeldError, DestinationUnavailableError, EtlError } from '../../domain/errors';
import { addressOf, type RedshiftConfig } from './config';

const passing = new Set(['ThrottlingException', 'TooManyRequestsException', 'ActiveStatementsExceededException', 'ActiveSessionsExceededException', 'ActiveWaitingRequestsExceededException', 'InternalServerException', 'DatabaseConnectionException', 'ExecuteStatementException', 'BatchExecuteStatementException', 'QueryTimeoutException', 'TimeoutError', 'ServiceUnavailable', 'RequestTimeTooSkewed']);
const sockets = /\b(ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND)|socket hang up/i;

/** An error of the SDK as an EtlError: what was done, where, what the service said, what to do. */
export function translated(error: unknown, config: RedshiftConfig, doing: string): unknown {
  if (EtlError.is(error) || !(error instanceof Error) || error.name === 'AbortError') return error;
  const where = `${doing} at Redshift "${addressOf(config)}"`;
  const said = `${error.message || 'no message'} (${error.name})`;
  const facts = { address: addressOf(config), error: error.name };
  const code = 'code' in error ? String(error.code) : '';
  if (passing.has(error.name) || sockets.test(`${code} ${error.message}`)) return new DestinationUnavailableError(`${where}: ${said}; it is tried again until the service answers`, facts);
  if (!(error instanceof RedshiftDataServiceException) && !/credential|region|token|profile/i.test(error.message)) return error;
  return new DestinationHeldError(`${where}: ${said}${remedy(error)}`, facts);
}

function remedy({ name, message }: Error): string {
  if (/AccessDenied|NotAuthorized/.test(name) || /not authorized/i.test(message)) return '; grant redshift-data:BatchExecuteStatement, ExecuteStatement, DescribeStatement, GetStatementResult, ListStatements and CancelStatement to the principal of these credentials, and redshift-serverless:GetCredentials or redshift:GetClusterCredentials, then "millrace resume RUN"';
  if (/UnrecognizedClient|InvalidSignature|ExpiredToken|IncompleteSignature|CredentialsProvider|MissingAuthentication/.test(name)) return '; correct the credentials of the connection, then "millrace resume RUN"';
  return '; mend that in connections.yaml or in the account, then "millrace resume RUN"';
}

/** What a statement that failed in the database means. Messages of Redshift name tables and columns; a quoted value is left out. */
export function statementError(said: string, status: 'FAILED' | 'ABORTED', config: RedshiftConfig, doing: string): EtlError {
  const text = withoutValues(said.replace(/^ERROR:\s*/, '').replace(/\s+/g, ' ').trim());
  const where = `${doing} at Redshift "${addressOf(config)}"`;
  const facts = { address: addressOf(config) };
  if (isConflict(said)) return new DestinationUnavailableError(`${where}: another transaction wrote at the same time (1023); it is tried again`, facts);
  if (status === 'ABORTED') return new DestinationUnavailableError(`${where}: the statement was ended (${text || 'no reason given'}); it is tried again`, facts);
  if (/S3ServiceException|Spectrum/i.test(text) && /Status 5\d\d|SlowDown|InternalError|ServiceUnavailable|CanRetry 1/i.test(text)) return new DestinationUnavailableError(`${where}: S3 did not answer the warehouse (${text}); it is tried again`, facts);
  if (/connection|terminating|could not open relation|shutting down|out of disk|deadlock|cancell?ed/i.test(text) && !/permission/i.test(text)) return new DestinationUnavailableError(`${where}: ${text}; it is tried again`, facts);
  return new DestinationHeldError(`${where}: ${text}${remedyFor(text, config)}`, facts);
}

export const isConflict = (said: string): boolean => /\b1023\b|Serializable isolation violation|could not serialize/i.test(said);

function remedyFor(text: string, { iam_role: role, staging: { bucket, prefix } }: RedshiftConfig): string {
  if (/must be owner/i.test(text)) return '; the table has another owner: let its owner make the change, or ALTER TABLE … OWNER TO the database user, then "millrace resume RUN"';
  const [, relation] = /permission denied for (?:relation|table) (\S+)/i.exec(text) ?? [];
  if (relation) return `; GRANT SELECT, INSERT, UPDATE, DELETE ON ${relation} TO the database user, then "millrace resume RUN"`;
  if (/permission denied/i.test(text)) return '; grant it to the database user (docs/redshift.md lists the grants), then "millrace resume RUN"';
  if (/Status 301|PermanentRedirect|different region|addressed using the specified endpoint/i.test(text)) return '; the staging bucket lies in another region than the warehouse: take one beside it, then "millrace resume RUN"';
  if (/NoSuchBucket|bucket does not exist/i.test(text)) return '; correct "staging.bucket" of the connection, then "millrace resume RUN"';
  if (/not authorized to assume|CREDENTIALS|S3ServiceException|Access ?Denied/i.test(text)) return `; ${role === 'default' ? 'the default role of the warehouse' : `"iam_role" ${role}`} must be attached to the warehouse and be granted s3:GetObject (to read from Redshift s3:PutObject and s3:DeleteObject too) on arn:aws:s3:::${bucket}/${prefix ? `${prefix}/` : ''}* and s3:ListBucket on arn:aws:s3:::${bucket}, then "millrace resume RUN"`;
  return '; mend that, then "millrace resume RUN"';
}

const withoutValues = (text: string): string => text.replace(/invalid input syntax[^:]*: ".*"/i, (found) => `${found.split(':')[0]}: …`).slice(0, 500);
