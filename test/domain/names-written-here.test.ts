import { namesOf, writtenHere } from '../../src/domain/naming';

const columns = (...names: readonly string[]) => names.map((name) => ({ name, type: 'VARCHAR', nullable: true }));

test('a key that is written as the source writes it is told how it is called here', () => {
  expect(writtenHere('Id', ['id', 'name'])).toBe('; it is called "id" here: write that, or set "naming: keep"');
  expect(writtenHere('AccountId', ['account_id'])).toContain('"account_id"');
  expect(writtenHere('nothing', ['id'])).toBe('');
});

test('two columns that differ in case only are refused with what to do, whatever the naming', () => {
  for (const naming of ['keep', 'snake_case'] as const) expect(() => namesOf(columns('id', 'ID'), naming, 's')).toThrow('they differ in case only: leave one of them out');
  expect(() => namesOf(columns('userId', 'user_id'), 'snake_case', 's')).toThrow('set "naming: keep"');
});
