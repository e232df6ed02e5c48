import { ConfigurationError } from '../domain/errors';
import { objectStoreSchema, type ObjectStoreSettings } from './object-store/settings';

const secrets = ['access_key_id', 'secret_access_key', 'session_token'] as const;

/**
 * `s3://bucket/prefix?region=…` of a shared staging. It is shown and lies in histories, so it holds no secret: credentials come from
 * the ordinary AWS chain. @param word where it was written: `MILLRACE_STAGING`, `staging`
 */
export function stagingSettings(address: string, word: string): ObjectStoreSettings {
  const refuse = (problem: string) => new ConfigurationError(`reading ${word} "${address.replace(/\?.*/, '?…')}": ${problem}; write s3://bucket/prefix, with ?region=…, endpoint, path_style, checksums, profile, kms_key, part_size or parallel where needed`);
  if (!URL.canParse(address) || new URL(address).protocol !== 's3:') throw refuse('it is no s3 address');
  const { hostname, pathname, searchParams, username } = new URL(address);
  if (username !== '' || secrets.some((name) => searchParams.has(name))) throw refuse('credentials do not belong into an address, which everybody sees; give them to the workers as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or by a profile or role');
  const options = Object.fromEntries([...searchParams].map(([name, value]) => [name, name === 'path_style' ? value === 'true' : value]));
  const parsed = objectStoreSchema.safeParse({ bucket: hostname, prefix: pathname, ...options });
  if (!parsed.success) throw refuse(parsed.error.issues.map(({ path: at, message }) => `${at.length > 0 ? `${at.join('.')}: ` : ''}${message}`).join('; '));
  return parsed.data;
}
