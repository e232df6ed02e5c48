import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const filesUnder = (folder: string): string[] => readdirSync(folder).flatMap((name) => {
  const file = path.join(folder, name);
  return statSync(file).isDirectory() ? filesUnder(file) : [file];
});
const sources = filesUnder(path.join(root, 'src')).filter((file) => file.endsWith('.ts')).map((file) => ({ file: path.relative(root, file), text: readFileSync(file, 'utf8') }));
const holding = (pattern: RegExp): string[] => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file);

test('the workflow bundle holds the workflows, the domain and five packages', () => {
  const bundle = readFileSync(path.join(root, 'lib/workflow-bundle.js'), 'utf8');
  const modules = [...bundle.matchAll(/!\*\*\* (\.\/(?:lib|node_modules)\/\S+)/g)].map(([, name]) => name!);
  expect(modules.length).toBeGreaterThan(10);
  const packages = new Set(modules.filter((name) => name.startsWith('./node_modules/')).map((name) => name.split('/').slice(2, name.startsWith('./node_modules/@') ? 4 : 3).join('/')));
  expect([...packages].sort()).toEqual(['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc']);
  expect(modules.filter((name) => name.startsWith('./lib/') && !/^\.\/lib\/(workflows|domain)\//.test(name))).toEqual([]);
});

test('DuckDB runs in one file', () => expect(holding(/@duckdb\/node-api/)).toEqual(['src/transforms/duckdb-engine.ts']));
test('no file attaches a database behind the engine', () => expect(holding(/\bATTACH '/)).toEqual([]));
test('the environment is read in one file', () => expect(holding(/process\.env/)).toEqual(['src/config/environment.ts']));
test('failures of Temporal are made in two places', () => {
  expect(holding(/ApplicationFailure\.(create|nonRetryable|retryable)/).filter((file) => !file.startsWith('src/workflows/'))).toEqual(['src/activities/failures.ts']);
});
test('domain imports nothing outside domain', () => {
  const strangers = sources.filter(({ file }) => file.startsWith('src/domain/')).flatMap(({ file, text }) => [...text.matchAll(/from '([^']+)'/g)].filter(([, from]) => !from!.startsWith('./')).map(([, from]) => `${file}: ${from}`));
  expect(strangers).toEqual([]);
});
test('workflows take values from domain and Temporal alone', () => {
  const strangers = sources.filter(({ file }) => file.startsWith('src/workflows/')).flatMap(({ file, text }) =>
    [...text.matchAll(/^import (?!type)[^;]*? from '([^']+)'/gm)].filter(([, from]) => !/^(\.\/|\.\.\/domain\/|@temporalio\/(workflow|common)$)/.test(from!)).map(([, from]) => `${file}: ${from}`));
  expect(strangers).toEqual([]);
});
test('no test is skipped or focused', () => {
  const tests = filesUnder(path.join(root, 'test')).filter((file) => file.endsWith('.test.ts'));
  expect(tests.filter((file) => /\b(it|test|describe)\.(only|skip|todo)\b/.test(readFileSync(file, 'utf8').replaceAll('(only|skip|todo)', '')))).toEqual([]);
});
