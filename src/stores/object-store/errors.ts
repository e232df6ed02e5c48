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
  return new Held(`${where}: ${said} (${error.name})${remedy(error, action, { role, name })}`, facts);
}

/** Errors of sockets and names carry a code, or the SDK wraps them in its message; its own timeouts have a name. */
const isPassing = (error: Error): boolean =>
  passing.has(error.name) || /\b(ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|UND_ERR)|socket hang up|aborted/i.test(`${'code' in error ? String(error.code) : ''} ${error.message}`);

/** What each action needs to be allowed: on the bucket, or on the objects below the prefix. */
const permissions: Readonly<Record<string, { readonly action: string; readonly on: 'bucket' | 'objects' }>> = {
  reading: { action: 's3:GetObject', on: 'objects' }, writing: { action: 's3:PutObject', on: 'objects' }, removing: { action: 's3:DeleteObject', on: 'objects' },
  listing: { action: 's3:ListBucket', on: 'bucket' }, 'listing uploads': { action: 's3:ListBucketMultipartUploads', on: 'bucket' },
};

function remedy(error: Error, action: string, place: Place): string {
  const at = place.role === 'staging' ? 'of the staging address' : 'in connections.yaml';
  const resume = place.role === 'staging' ? 'then run it again, or "millrace resume RUN" where it is held' : 'then "millrace resume RUN"';
  switch (error.name) {
    case 'NoSuchBucket': return place.role === 'staging' ? `; correct the bucket of the staging address or create it, ${resume}` : `; correct "bucket" ${at} or create it, ${resume}`;
    case 'AccessDenied': case 'Forbidden': case '403': return `; ${missingGrant(error, action, place)}, ${resume}`;
    case 'InvalidAccessKeyId': case 'SignatureDoesNotMatch': case 'ExpiredToken': case 'InvalidToken': case 'CredentialsProviderError':
      return `; correct the credentials of the ${place.role === 'staging' ? 'worker (AWS_ACCESS_KEY_ID, a profile or a role)' : 'connection'}, ${resume}`;
    case 'PermanentRedirect': case 'AuthorizationHeaderMalformed': case 'IllegalLocationConstraintException': case '301': return `; the bucket lies in another region: set "region" ${at}, ${resume}`;
    default: return `; mend that, ${resume}`;
  }
}

/** AWS names the principal in its own message; what it leaves out, mostly, is what to write into the policy. */
function missingGrant({ message }: Error, action: string, { name }: Place): string {
  if (/kms/i.test(message)) return 'grant kms:GenerateDataKey and kms:Decrypt on the KMS key to the principal of these credentials';
  const { action: permission, on } = permissions[action] ?? { action: 'the permission', on: 'objects' };
  const below = name.slice('s3://'.length);
  return `grant ${permission} on arn:aws:s3:::${on === 'bucket' ? below.split('/')[0] : `${below}/*`} to the principal of these credentials`;
}

export const statusOf = (error: unknown): number | undefined => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && !(error instanceof Error && error.name === 'NoSuchBucket');
