import { S3ServiceException } from '@aws-sdk/client-s3';
import { DestinationHeldError, DestinationUnavailableError, EtlError, SourceHeldError, SourceUnavailableError, StagingUnavailableError } from '../../domain/errors';

/** Which part of a run uses the store: errors of the staging store are nobody's fault at either end. */
export type StoreRole = 'source' | 'destination' | 'staging';

interface Place {
  readonly role: StoreRole;
  /** `s3://bucket/prefix` */
  readonly name: string;
}

const passing = new Set(['SlowDown', 'ServiceUnavailable', 'InternalError', 'RequestTimeout', 'ThrottlingException', 'Throttling', 'TooManyRequestsException', 'OperationAborted', 'ConditionalRequestConflict', 'TimeoutError', 'RequestTimeTooSkewed', '503 Service Unavailable']);

/** An error of the SDK as an EtlError: what was done, where, what S3 said, what to do. */
export function translated(error: unknown, { role, name }: Place, action: string, key?: string): unknown {
  if (EtlError.is(error) || !(error instanceof Error)) return error;
  if (error.name === 'AbortError') return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const where = `${action}${key === undefined ? '' : ` "${key}"`} at ${role === 'staging' ? 'staging store' : role} "${name}"`;
  const said = error.message && error.message !== 'UnknownError' ? error.message : `${error.name}${status ? ` (HTTP ${status})` : ''}`;
  const facts = { store: name, error: error.name, ...(key === undefined ? {} : { key }) };
  if (status === undefined ? isPassing(error) : status >= 500 || status === 429 || passing.has(error.name)) {
    const Unavailable = { source: SourceUnavailableError, destination: DestinationUnavailableError, staging: StagingUnavailableError }[role];
    return new Unavailable(`${where}: ${said}; it is tried again until the store answers`, facts);
  }
  if (status === undefined && !/credential|region|token|profile/i.test(said)) return error;
  const Held = role === 'source' ? SourceHeldError : DestinationHeldError;
  return new Held(`${where}: ${said} (${error.name})${remedy(error, action)}`, facts);
}

/** Errors of sockets and names carry a code, or the SDK wraps them in its message; its own timeouts have a name. */
const isPassing = (error: Error): boolean =>
  passing.has(error.name) || /\b(ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|UND_ERR)|socket hang up|aborted/i.test(`${'code' in error ? String(error.code) : ''} ${error.message}`);

/** The permission that each action needs, for the sentence that says what to grant. */
const permissions: Readonly<Record<string, string>> = {
  reading: 's3:GetObject', writing: 's3:PutObject', listing: 's3:ListBucket', removing: 's3:DeleteObject', 'listing uploads': 's3:ListBucketMultipartUploads',
};

function remedy(error: Error, action: string): string {
  switch (error.name) {
    case 'NoSuchBucket': return '; correct "bucket" in connections.yaml or create it, then "millrace resume RUN"';
    case 'AccessDenied': case 'Forbidden': case '403': return `; grant ${permissions[action] ?? 'the permission'} on the bucket and its objects to the principal of these credentials, then "millrace resume RUN"`;
    case 'InvalidAccessKeyId': case 'SignatureDoesNotMatch': case 'ExpiredToken': case 'InvalidToken': case 'CredentialsProviderError': return '; correct the credentials of the connection, then "millrace resume RUN"';
    case 'PermanentRedirect': case 'AuthorizationHeaderMalformed': case 'IllegalLocationConstraintException': case '301': return '; the bucket lies in another region: set "region" in connections.yaml, then "millrace resume RUN"';
    default: return '; mend that, then "millrace resume RUN"';
  }
}

export const statusOf = (error: unknown): number | undefined => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && !(error instanceof Error && error.name === 'NoSuchBucket');
