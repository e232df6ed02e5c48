import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Session } from './duckdb-engine';
import { quoteLiteral } from './quote';

/** A secret is named, never written: `${env:MASK_KEY}`, `${file:mask.key}`. What it stands for is read on the worker, at each activity. */
export const secretOption = z.string().regex(/^\$\{[a-z]+:[^}]+\}$/, 'must name a secret, such as ${env:MASK_KEY}; a secret itself does not belong into a pipeline').describe('Secret, by reference: ${env:NAME} or ${file:PATH}');

const variable = (reference: string): string => `millrace_secret_${createHash('sha256').update(reference).digest('hex').slice(0, 16)}`;

/** SQL that gives a secret as VARCHAR: a variable of the session, so that no SQL text, error or plan holds it. NULL where it was not put in. */
export const secretSql = (reference: string): string => `CAST(getvariable(${quoteLiteral(variable(reference))}) AS VARCHAR)`;

/** HMAC-SHA256 of a text in UTF-8, as hex; NULL of NULL. Its two padded keys are variables too, since DuckDB has no word for it. */
export function hmacSql(reference: string, text: string): string {
  const pad = (side: string): string => `unhex(CAST(getvariable(${quoteLiteral(`${variable(reference)}_${side}`)}) AS VARCHAR))`;
  return `sha256(${pad('outer')} || unhex(sha256(${pad('inner')} || encode(${text}))))`;
}

/** Puts secrets into a session, for `secretSql` and `hmacSql`. */
export async function putSecrets(session: Session, secrets: ReadonlyMap<string, string>): Promise<void> {
  for (const [reference, value] of secrets) {
    const values = { '': value, _inner: padded(value, 0x36), _outer: padded(value, 0x5c) };
    for (const [side, text] of Object.entries(values)) await session.run(`SET VARIABLE ${variable(reference)}${side} = ${quoteLiteral(text)}`);
  }
}

/** RFC 2104: the key, or its hash where it is longer than a block, filled up to 64 bytes and xored. */
function padded(secret: string, byte: number): string {
  const bytes = Buffer.from(secret, 'utf8');
  const key = bytes.length > 64 ? createHash('sha256').update(bytes).digest() : bytes;
  return Buffer.from(Buffer.concat([key, Buffer.alloc(64 - key.length)]).map((value) => value ^ byte)).toString('hex');
}

/** Reads a secret back, to hand it to a program over its standard input. */
export const secretOf = async (session: Session, reference: string): Promise<string | null> => (await session.row(`SELECT ${secretSql(reference)} AS value`))['value'] ?? null;

/** Folder that files named in a pipeline are relative to. */
export const putBaseFolder = (session: Session, folder: string): Promise<void> => session.run(`SET VARIABLE millrace_base_folder = ${quoteLiteral(folder)}`);
export const baseFolderOf = async (session: Session): Promise<string> => (await session.row("SELECT CAST(getvariable('millrace_base_folder') AS VARCHAR) AS value"))['value'] ?? '.';
