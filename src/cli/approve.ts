import { askRun } from './ask-run';
import type { AddCommand } from './door';
import { namesARun } from './find-run';

/** `approve RUN [STREAM]` and `reject RUN [STREAM]`: a person's word at the gate. */
const verdict = (name: 'approve' | 'reject', summary: string, done: string): AddCommand => ({ command, does }) => command(name, summary, `millrace ${name} orders\n  millrace ${name} orders lines --reason "a holiday"`)
  .argument('<run>', namesARun)
  .argument('[stream]', 'stream; without it all that wait')
  .option('--reason <text>', 'why; kept in the receipt')
  .action(does(({ environment, terminal }, word: string, stream: string | undefined, { reason }: { readonly reason?: string }) => askRun({
    word, environment, terminal, update: name, request: { ...(stream === undefined ? {} : { stream }), ...(reason === undefined ? {} : { reason }) }, done,
  })));

export const addApprove = verdict('approve', 'Publish what waits for an approval', 'approved');
export const addReject = verdict('reject', 'Fail what waits for an approval, and publish nothing of it', 'rejected');
