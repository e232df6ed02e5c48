/** What a shell reports of a program that wrote to a pipe nobody reads: 128 and SIGPIPE's number. */
const closedPipe = 141;

/**
 * `millrace … | head`: who read has gone and hears nothing more, so the command ends, and says nothing. As after Ctrl-C, a run that is
 * watched goes on, and `dev` ends what it has started; everything else just ends.
 */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (process.listenerCount('SIGINT') > 0) process.emit('SIGINT');
      else process.exit(closedPipe);
    });
  }
}
