import { createPrivateKey, sign } from 'node:crypto';
import { ConfigurationError } from '../../domain/errors';
import { tokenAuthentication, type Authentication } from '../rest/authentication';
import type { SalesforceConfig } from './config';

export const loginOf = ({ url, auth, timeout }: SalesforceConfig): Authentication =>
  tokenAuthentication(new URL('/services/oauth2/token', url).href, () => fieldsOf(auth), timeout * 1000);

function fieldsOf(auth: SalesforceConfig['auth']): Readonly<Record<string, string>> {
  if (auth.type === 'client_credentials') return { grant_type: 'client_credentials', client_id: auth.client_id, client_secret: auth.client_secret };
  const claims = { iss: auth.client_id, sub: auth.user, aud: auth.audience, exp: Math.floor(Date.now() / 1000) + 180 };
  return { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: signed(claims, auth.private_key) };
}

function signed(claims: object, pem: string): string {
  const text = [{ alg: 'RS256', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  try {
    return `${text}.${sign('sha256', Buffer.from(text), createPrivateKey(pem)).toString('base64url')}`;
  } catch {
    throw new ConfigurationError('logging in to Salesforce: "private_key" is no private key in PEM; correct the file it is read from');
  }
}
