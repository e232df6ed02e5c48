import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { objectStoreSchema, type ObjectStoreSettings } from '../../src/stores/object-store';

/** The server that the test set-up started, or that MILLRACE_TEST_S3 names: `http://key:secret@host:port`. */
export function s3Server(): { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string } {
  const address = process.env['MILLRACE_TEST_S3'];
  if (!address) throw new Error('MILLRACE_TEST_S3 is not set; the tests are started by "npm test"');
  const url = new URL(address);
  return { endpoint: url.origin, accessKeyId: url.username, secretAccessKey: url.password };
}

export function s3Client(): S3Client {
  const { endpoint, ...credentials } = s3Server();
  return new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
}

export async function ensureBucket(bucket: string): Promise<void> {
  const client = s3Client();
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: Error) => {
    if (!/^BucketAlready/.test(error.name)) throw error;
  });
  client.destroy();
}

/** Settings of a bucket of its own. */
export async function createBucket(more: Readonly<Record<string, unknown>> = {}): Promise<ObjectStoreSettings> {
  const { endpoint, accessKeyId, secretAccessKey } = s3Server();
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await ensureBucket(bucket);
  return objectStoreSchema.parse({ bucket, endpoint, access_key_id: accessKeyId, secret_access_key: secretAccessKey, ...more });
}
