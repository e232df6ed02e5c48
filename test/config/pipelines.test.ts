import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadPipeline } from '../../src/config/load-pipeline';

const folder = path.resolve(__dirname, '../../pipelines');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'connections.yaml');

it.each(files)('the example %s has no problem', async (name) => {
  await expect(loadPipeline(path.join(folder, name))).resolves.toMatchObject({ description: expect.any(String) as string });
});

it('flights are appended as they are read, since they have no key and nothing blocks them', async () => {
  const { streams } = await loadPipeline(path.join(folder, 'flights.yaml'));
  expect(streams).toMatchObject([{ mode: 'incremental', write: 'append', changedFile: 'fail', visible: 'batch', naming: 'snake_case' }]);
});
