import { askRun } from './ask-run';
import type { AddCommand } from './door';
import { namesARun } from './find-run';
import { partitionNumber } from './retry';

/** `skip RUN STREAM PARTITION`: leaves it out, on record. */
export const addSkip: AddCommand = ({ command, does }) => command('skip', 'Leave a partition out, as a gap on record', 'millrace skip orders lines 7 --reason "the block is damaged; loaded later"')
  .argument('<run>', namesARun)
  .argument('<stream>', 'stream of the run')
  .argument('<n>', 'number of the partition, as status shows it', partitionNumber)
  .requiredOption('--reason <text>', 'why; kept in checkpoint and receipt')
  .action(does(({ environment, terminal }, word: string, stream: string, partition: number, { reason }: { readonly reason: string }) => askRun({
    word, environment, terminal, update: 'skipPartition', request: { stream, partition, reason }, done: `partition ${partition} of "${stream}" is left out; "millrace retry RUN --gaps" loads it later`,
  })));
