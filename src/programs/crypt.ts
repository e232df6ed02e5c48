import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Misfit, SetupError, type ProgramSetup, type RowFunction } from './program';

const version = 1;

/**
 * AES-256-GCM of single values: `base64(version ‖ 12 bytes of nonce ‖ ciphertext ‖ 16 bytes of tag)`; the column's name is authenticated with it,
 * so that a value moved into another column does not decrypt. The key is HKDF-SHA256 of the secret. `deterministic`: the nonce
 * is an HMAC of the value, so equal values look equal and can be joined by; that is all it gives away.
 */
export function crypt({ settings, secrets }: ProgramSetup): RowFunction {
  const secret = secrets['key'] ?? '';
  if (secret.length < 16) throw new SetupError('the key has less than 16 characters; use at least 16, better 32 random ones');
  const derived = (use: string): Buffer => Buffer.from(hkdfSync('sha256', secret, 'millrace', use, 32));
  const keys = { cipher: derived('cipher'), nonce: derived('nonce') };
  const work = settings['direction'] === 'encrypt' ? seal(keys, settings['deterministic'] === true) : open(keys);
  const aad = settings['bound'] as Readonly<Record<string, string>>;
  return (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value === null ? null : work(String(value), aad[name]!)]));
}

interface Keys {
  readonly cipher: Buffer;
  readonly nonce: Buffer;
}

const seal = ({ cipher: key, nonce: nonceKey }: Keys, deterministic: boolean) => (text: string, column: string): string => {
  const nonce = deterministic ? createHmac('sha256', nonceKey).update(column).update('\0').update(text).digest().subarray(0, 12) : randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(column));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(version), nonce, body, cipher.getAuthTag()]).toString('base64');
};

const open = ({ cipher: key }: Keys) => (text: string, column: string): string => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < 29 || bytes[0] !== version) throw new Misfit('was not encrypted by "encrypt"');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13)).setAAD(Buffer.from(column));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(13, -16)), decipher.final()]).toString('utf8');
  } catch {
    throw new Misfit('does not decrypt with this key in this column');
  }
};
