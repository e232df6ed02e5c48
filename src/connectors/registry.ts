import { distance } from 'fastest-levenshtein';
import { ConfigurationError } from '../domain/errors';
import type { Connector } from './connector';
import { duckdb } from './duckdb';
import { files } from './files';
import { http } from './http';
import { mysql } from './mysql';
import { postgres } from './postgres';
import { redshift } from './redshift';
import { rest } from './rest';
import { s3 } from './s3';
import { salesforce } from './salesforce';
import { sftp } from './sftp';
import { sqlite } from './sqlite';

/** Every connector, in one list. To add a system: write `src/connectors/<system>/` and add a line here. Drivers are loaded when first opened: most commands need none. */
export const connectors: readonly Connector[] = [postgres, mysql, sqlite, files, http, rest, salesforce, sftp, s3, duckdb, redshift];

const byName: ReadonlyMap<string, Connector> = new Map(connectors.map((connector) => [connector.name, connector]));

export function connectorNamed(name: string): Connector {
  const found = byName.get(name);
  if (found) return found;
  const known = [...byName.keys()];
  const nearest = [...known].sort((left, right) => distance(left, name) - distance(right, name))[0]!;
  throw new ConfigurationError(`unknown connector "${name}"; did you mean "${nearest}"? known connectors: ${known.join(', ')}`);
}
