import { once } from 'node:events';
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net';
import { findServer } from '../../src/cli/connect';
import { readEnvironment } from '../../src/config/environment';
import { temporalAddress } from '../support/temporal';

it('a call that is to be tried again when the connection closes ends, and does not end the process', async () => {
  const [host, port] = temporalAddress().split(':');
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = dial(Number(port), host);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.pipe(far).pipe(near);
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  const before = { ...process.env };
  Object.assign(process.env, { TEMPORAL_ADDRESS: `127.0.0.1:${(line.address() as AddressInfo).port}`, TEMPORAL_CONFIG_FILE: '/nowhere.toml' });
  const server = (await findServer(readEnvironment()))!;
  process.env = before;
  try {
    // Nobody polls this queue: the question waits on the server until the line is cut, and would then be asked again.
    const asked = server.client.workflow.start('nobody', { taskQueue: 'nobody_at_all', workflowId: `asked-${process.pid}-${Date.now()}` }).then((handle) => handle.query('progress'));
    const ended = asked.then(() => 'answered', (error: unknown) => String((error as Error).cause ?? error));
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    for (const socket of sockets) socket.destroy();
    line.close();
    await new Promise((resolve) => { setTimeout(resolve, 40); });
    await server.close();
    expect(await ended).toContain('the connection was closed');
  } finally {
    await server.close();
  }
});
