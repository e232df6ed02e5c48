import type { AddCommand } from '../door';
import { wholeNumber } from '../whole-number';
import { filtered, type FilterFlags } from './common';
import { quarantineDiscard, type DiscardFlags } from './discard';
import { quarantineEdit, type EditFlags } from './edit';
import { quarantineExport, type ExportFlags } from './export';
import { quarantineList } from './list';
import { quarantineReplay, type ReplayFlags } from './replay';
import { quarantineShow } from './show';

const namesARun = 'id of a run, or name of a pipeline for its newest';

export const addQuarantine: AddCommand = ({ group }) => {
  const { command, does } = group('quarantine', 'Rows that were set aside: see, mend, replay or discard them');
  filtered(command('list', 'Count them by run, stream, step and reason, and say what became of them', 'millrace quarantine list orders --column total')
    .argument('[run|pipeline]', 'id of a run, or name of a pipeline; without it, the newest runs of all'))
    .action(does(({ environment, terminal }, word: string | undefined, flags: FilterFlags) => quarantineList(word, flags, environment, terminal)));
  filtered(command('show', 'Show the rows of a run: reasons, record, place in the source', 'millrace quarantine show orders/run-2026-08-01T00:00:00Z --limit 5')
    .argument('<run>', namesARun)
    .argument('[stream]', 'only this stream'))
    .option('--limit <rows>', 'rows to show', wholeNumber(100_000), 20)
    .action(does(({ environment, terminal }, word: string, stream: string | undefined, flags: FilterFlags & { readonly limit: number }) => quarantineShow(word, stream, flags, environment, terminal)));
  filtered(command('export', 'Write open rows of a run as JSON lines, to be mended in an editor', 'millrace quarantine export orders --to rows.jsonl')
    .argument('<run>', namesARun)
    .argument('[stream]', 'only this stream'))
    .option('--to <file>', 'write to this file (default: standard output)')
    .action(does(({ environment, terminal }, word: string, stream: string | undefined, flags: ExportFlags) => quarantineExport(word, stream, flags, environment, terminal)));
  filtered(command('edit', 'Give open rows other records', 'millrace quarantine edit orders rows.jsonl\n  millrace quarantine edit orders --column currency --set currency=EUR')
    .argument('<run>', namesARun)
    .argument('[file]', 'JSON lines as "quarantine export" writes them'))
    .option('--set <column=value...>', 'this value in the rows that are chosen, as the source would have written it')
    .option('--all', 'all open rows')
    .option('--why <text>', 'kept with the change')
    .action(does(({ environment, terminal }, word: string, from: string | undefined, flags: EditFlags) => quarantineEdit(word, from, flags, environment, terminal)));
  filtered(command('discard', 'Decide that open rows are not loaded', 'millrace quarantine discard orders --reason "is not a number" --why "test orders"')
    .argument('<run>', namesARun)
    .argument('[stream]', 'only this stream'))
    .requiredOption('--why <text>', 'kept with them')
    .option('--all', 'all open rows')
    .action(does(({ environment, terminal }, word: string, stream: string | undefined, flags: DiscardFlags) => quarantineDiscard(word, stream, flags, environment, terminal)));
  filtered(command('replay', 'Load open rows of a run once more, as a run of its own', 'millrace quarantine replay orders --reason "is not a number" --with pipelines/orders.yaml')
    .argument('<run>', namesARun)
    .argument('[stream]', 'only this stream'))
    .option('--with <file>', 'through this version of the pipeline (default: the one that the run had)')
    .option('--detach', 'start the replay and do not watch it')
    .action(does(({ environment, terminal }, word: string, stream: string | undefined, flags: ReplayFlags) => quarantineReplay(word, stream, flags, environment, terminal)));
};
