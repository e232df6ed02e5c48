import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sftp } from '../../src/connectors/sftp';
import { testOn } from '../support/debian';
import { openBench, type Bench } from '../support/files';
import { sshdAvailable, startSshd, type SshServer } from '../support/sshd';

/** A real OpenSSH server. */
const onServer = testOn(sshdAvailable());
let server: SshServer;
const benches: Bench[] = [];
beforeAll(async () => { if (onServer === test) server = await startSshd(); });
afterAll(async () => {
  for (const bench of benches) await bench.close();
  await server?.stop();
});

async function over(config: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const bench = await openBench(sftp, { host: '127.0.0.1', port: server.port, user: server.user, private_key: server.key, host_key: server.fingerprint, path: server.folder, ...config });
  benches.push(bench);
  return bench;
}
const put = (name: string, content: string) => {
  mkdirSync(path.dirname(path.join(server.folder, name)), { recursive: true });
  writeFileSync(path.join(server.folder, name), content);
};

onServer('files by pattern, in their formats, and what is new by the next run', async () => {
  const bench = await over();
  put('day/1.csv', 'id\n1\n');
  put('day/2.jsonl', '{"id": 2}\n');
  put('other/3.csv', 'id\n3\n');
  const first = await bench.read('day/*');
  expect(first.rows).toEqual([{ id: '1' }, { id: '2' }]);
  expect((await bench.read('**/*.csv')).rows).toEqual([{ id: '1' }, { id: '3' }]);
  await expect(bench.read('none.csv')).rejects.toThrow('put it there');
});

onServer('a log that grows is followed', async () => {
  const bench = await over();
  put('app.jsonl', '{"id": 1}\n');
  const first = await bench.read('app.jsonl', 'changed_file: follow');
  put('app.jsonl', '{"id": 1}\n{"id": 2}\n');
  const second = await bench.read('app.jsonl', 'changed_file: follow', { position: first.plan.position });
  expect([first.rows, second.rows]).toEqual([[{ id: '1' }], [{ id: '2' }]]);
});

onServer('a server with another key, and a user that is not let in, are refused by name', async () => {
  const other = await over({ host_key: `SHA256:${'A'.repeat(43)}` });
  await expect(other.read('a.csv')).rejects.toThrow(server.fingerprint);
  const stranger = await over({ private_key: undefined, password: 'wrong' });
  await expect(stranger.read('a.csv')).rejects.toThrow('refuses user');
});
