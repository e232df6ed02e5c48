import { parsePipeline } from '../../src/config/load-pipeline';
import { sizeOf } from '../../src/config/size';

const text = (words: string) => `pipeline: shop\nsource: a\ndestination: b\nstreams: [{ stream: orders }]\n${words}\n`;
const day = 86_400_000;

it('reads how long and how much of staging is kept, with defaults for the rest', () => {
  expect(parsePipeline(text('keep: 3 days'), 'shop.yaml').retention).toEqual({ keep: 3 * day, quarantine: { keep: 90 * day, max: null }, staging: { max: null } });
  expect(parsePipeline(text('quarantine: { keep: 1 week, max: 10 GB }\nstaging: { max: 1.5GiB }'), 'shop.yaml').retention).toEqual({ keep: 0, quarantine: { keep: 7 * day, max: 10e9 }, staging: { max: 1.5 * 2 ** 30 } });
  expect(parsePipeline(text(''), 'shop.yaml')).not.toHaveProperty('retention');
});

it('reads where staging lies, alone or with its bound', () => {
  expect(parsePipeline(text('staging: s3://lake/staging?region=eu-west-1'), 'shop.yaml')).toMatchObject({ staging: 's3://lake/staging?region=eu-west-1' });
  expect(parsePipeline(text('staging: s3://lake/staging'), 'shop.yaml')).not.toHaveProperty('retention');
  expect(parsePipeline(text('staging: { at: s3://lake/staging, max: 2 GB }'), 'shop.yaml')).toMatchObject({ staging: 's3://lake/staging', retention: { staging: { max: 2e9 } } });
});

it.each([
  ['keep: soon', /shop\.yaml:5:7: "keep".*must be a duration such as "7 days"/],
  ['quarantine: { max: much }', /shop\.yaml:5:20: "max".*must be a size such as/],
  ['staging: {}', /shop\.yaml:5:\d+: .*says nothing; write "at", "max" or both/],
  ['staging: /mnt/staging', /shop\.yaml:5:10: "staging" it is no s3 address; write s3:\/\/bucket/],
  ['staging: { at: "s3://lake?colour=red" }', /shop\.yaml:5:16: .*Unrecognized key/],
  ['staging: "s3://lake/x?secret_access_key=hush"', /credentials do not belong into an address/],
  ['staging: { maximum: 1GB }', /unknown word "maximum"/],
])('refuses %s at its place', (words, expected) => expect(() => parsePipeline(text(words), 'shop.yaml')).toThrow(expected));

it.each([['500 MB', 500e6], ['2GiB', 2 ** 31], ['17B', 17], ['1.5 TB', 1.5e12], ['5', null], ['5 gb', null]])('knows the size %s', (words, bytes) => expect(sizeOf(words)).toBe(bytes));
