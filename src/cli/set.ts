import { ConfigurationError } from '../domain/errors';
import { askRun } from './ask-run';
import type { AddCommand } from './door';
import { namesARun } from './find-run';

/** `set RUN concurrency=N`: changes a run while it goes on. */
export const addSet: AddCommand = ({ command, does }) => command('set', 'Change how many partitions of a run move at once', 'millrace set orders concurrency=8')
  .argument('<run>', namesARun)
  .argument('<setting>', 'concurrency=N')
  .action(does(({ environment, terminal }, word: string, setting: string) => {
    const found = /^concurrency=(\d+)$/.exec(setting);
    if (!found) throw new ConfigurationError(`reading "${setting}": only concurrency can be set while a run goes on; write concurrency=8`);
    return askRun({ word, environment, terminal, update: 'setConcurrency', request: { concurrency: Number(found[1]) }, done: `${found[1]} partitions move at once` });
  }));
