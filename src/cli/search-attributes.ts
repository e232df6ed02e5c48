import type { Client } from '@temporalio/client';
import { searchAttributeTypes } from '../domain/search-attributes';
import type { Terminal } from './terminal';

/** Of Temporal's enumeration of indexed value types. */
const typeNumbers = { KEYWORD: 2, INT: 3, DATETIME: 6 } as const;
const wanted = Object.fromEntries(Object.entries(searchAttributeTypes).map(([name, type]) => [name, typeNumbers[type]]));

/** What a run is started with: whether the server knows Millrace's search attributes, registered now where it may be. Runs work without them. */
export async function offerSearchAttributes(client: Client, terminal: Pick<Terminal, 'warn'>): Promise<{ readonly searchAttributes: boolean }> {
  try {
    return { searchAttributes: await register(client) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    terminal.warn(`Temporal lacks the search attributes ${Object.keys(wanted).join(', ')} and does not let them be added (${said}); the run works without. To find runs by them, have an administrator run: temporal operator search-attribute create ${Object.entries(searchAttributeTypes).map(([name, type]) => `--name ${name} --type ${type[0]}${type.slice(1).toLowerCase()}`).join(' ')}`);
    return { searchAttributes: false };
  }
}

async function register({ connection, options: { namespace } }: Client): Promise<boolean> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(wanted).filter(([name]) => !(name in customAttributes));
  const other = Object.entries(wanted).filter(([name, type]) => name in customAttributes && customAttributes[name] !== type);
  if (other.length > 0) throw new Error(`${other.map(([name]) => name).join(', ')} exist there with another type`);
  if (missing.length > 0) await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) });
  return true;
}
