import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { ObjectStoreSettings } from './settings';

export function clientOf(settings: ObjectStoreSettings): S3Client {
  const { region, endpoint, profile, access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken } = settings;
  const when = settings.checksums === 'supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const config: S3ClientConfig = {
    ...(region ? { region } : endpoint ? { region: 'us-east-1' } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(profile ? { profile } : {}),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } } : {}),
    forcePathStyle: settings.path_style ?? endpoint !== undefined,
    requestChecksumCalculation: when,
    responseChecksumValidation: when,
    // The activity is tried again as a whole; these few attempts only spare it a passing fault.
    maxAttempts: 4,
  };
  return new S3Client(config);
}

/** What each write says about encryption. */
export const encryptionOf = ({ kms_key: key }: ObjectStoreSettings): { ServerSideEncryption?: 'aws:kms'; SSEKMSKeyId?: string } =>
  key === undefined ? {} : { ServerSideEncryption: 'aws:kms', ...(key === 'aws' ? {} : { SSEKMSKeyId: key }) };
