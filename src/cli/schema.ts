import { Argument } from 'commander';
import { jsonSchemas, schemaText, type SchemaName } from '../config/json-schema';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';

/** `schema [FILE]`: what may be written, for editors; `init` writes it too, and a newer Millrace may know more words. */
export function schema(name: SchemaName, terminal: Terminal): ExitCode {
  terminal.event('schema', { name, schema: jsonSchemas[name]() });
  terminal.say(schemaText(name).trimEnd());
  return exitCodes.success;
}

export const addSchema: AddCommand = ({ command, does }) => command('schema', 'Print the JSON Schema by which an editor helps to write a file', 'millrace schema > pipeline.schema.json\n  millrace schema connections > connections.schema.json')
  .addArgument(new Argument('[file]', 'which kind of file').choices(Object.keys(jsonSchemas)).default('pipeline'))
  .addHelpText('after', '\nEditors find it by the first line of the file:\n  # yaml-language-server: $schema=pipeline.schema.json')
  .action(does(({ terminal }, name: SchemaName) => schema(name, terminal)));
