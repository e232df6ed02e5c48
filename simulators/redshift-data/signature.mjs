// AWS Signature Version 4, checked as the service does it: a request that is not signed by a known key is refused.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const tolerance = 15 * 60_000;
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** Null: good. Else what the service says. */
export function signatureProblem(request, body, { accessKeyId, secretAccessKey, region, service = 'redshift-data' }, now = Date.now()) {
  const header = request.headers.authorization;
  if (!header) return { status: 403, type: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' };
  const [, key, day, scopeRegion, scopeService, signedNames, signature] = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(header) ?? [];
  if (key === undefined) return { status: 400, type: 'IncompleteSignatureException', message: 'Authorization header is not of the form that Signature Version 4 has' };
  if (key !== accessKeyId) return { status: 403, type: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
  if (scopeService !== service || scopeRegion !== region) return { status: 403, type: 'InvalidSignatureException', message: `Credential should be scoped to a valid region and correct service: '${region}/${service}'.` };
  const at = request.headers['x-amz-date'] ?? '';
  const time = Date.parse(at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(now - time) < tolerance) || !at.startsWith(day)) return { status: 403, type: 'InvalidSignatureException', message: `Signature expired: ${at} is too far from the time of the server` };
  const names = signedNames.split(';');
  if (!names.includes('host') || !names.includes('x-amz-date')) return { status: 403, type: 'InvalidSignatureException', message: "'Host' and 'X-Amz-Date' must be signed headers" };
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${String(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`), '', signedNames, sha256(body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const signing = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), region), service), 'aws4_request');
  const expected = hmac(signing, ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n'));
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : { status: 403, type: 'InvalidSignatureException', message: 'The request signature we calculated does not match the signature you provided.' };
}
