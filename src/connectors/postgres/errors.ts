import { DestinationHeldError, DestinationUnavailableError, diskFull, EtlError, SourceHeldError, SourceUnavailableError, type Facts } from '../../domain/errors';
import { addressOf, type Side } from './connection';
import type { PostgresConfig } from './config';

/** SQLSTATE classes and socket codes after which a later attempt may succeed: connection, resources, shutdown, locks, serialization. */
const passing = /^(08|53(?!100)|57P0[123]|57014|40001|40P01|55P03|55006|ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE)/;

/** An error of the driver as an EtlError. Messages keep what Postgres says except values: `detail` may quote a row. */
export function translated(error: unknown, config: PostgresConfig, side: Side, doing: string): unknown {
  if (EtlError.is(error) || diskFull(error)) return error;
  const code = codeOf(error);
  const said = messageOf(error);
  const passes = code === null ? /terminated|timeout|closed|ended/i.test(said) : passing.test(code);
  const where = `${doing} at ${side} Postgres "${addressOf(config)}"`;
  const facts: Facts = { code, address: addressOf(config) };
  if (passes) {
    const Unavailable = side === 'source' ? SourceUnavailableError : DestinationUnavailableError;
    return new Unavailable(`${where}: ${said}; it is tried again until the server answers`, facts);
  }
  if (code === null) return error;
  const Held = side === 'source' ? SourceHeldError : DestinationHeldError;
  return new Held(`${where}: ${said} (${code})${remedy(code)}`, facts);
}

export const codeOf = (error: unknown): string | null =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : null;

const messageOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return String(error);
  // An AggregateError of several addresses has an empty message.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return messageOf(error.errors[0]);
  return 'message' in error ? String(error.message) : String(error);
};

function remedy(code: string): string {
  switch (code) {
    case '28P01': case '28000': return '; correct user and password in connections.yaml, then "millrace resume RUN"';
    case '3D000': return '; create the database or correct its name in connections.yaml, then "millrace resume RUN"';
    case '53100': return '; make room on the server, then "millrace resume RUN"';
    case '42501': return '; grant the permission, then "millrace resume RUN"';
    case '42P01': return '; create the table or correct its name';
    default: return '';
  }
}
