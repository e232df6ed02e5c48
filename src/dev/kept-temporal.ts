import { isAlive } from './process';
import { startTemporal, type TemporalOptions, type TemporalServer } from './temporal';

const lookEvery = 1000;

/** The development server; started again on its ports and its database when it dies, so that runs go on where they were. */
export async function keepTemporal(options: TemporalOptions): Promise<Pick<TemporalServer, 'address' | 'uiUrl' | 'stop'>> {
  let server = await startTemporal(options);
  let starting: Promise<void> = Promise.resolve();
  const again = async (): Promise<void> => {
    options.log('the Temporal server ended; it is started again …');
    server = await startTemporal(options);
    options.log(`the Temporal server is up again at ${server.address} as process ${server.pid}; runs go on`);
  };
  let busy = false;
  const timer = setInterval(() => {
    if (busy || isAlive(server.pid)) return;
    busy = true;
    starting = again().catch((error: unknown) => options.log(error instanceof Error ? error.message : String(error))).finally(() => { busy = false; });
  }, lookEvery);
  timer.unref();
  return {
    address: server.address, uiUrl: server.uiUrl,
    async stop() {
      clearInterval(timer);
      await starting;
      await server.stop();
    },
  };
}
