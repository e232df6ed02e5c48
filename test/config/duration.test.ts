import { durationOf, shareOf } from '../../src/config/duration';

it.each([['10 minutes', 600_000], ['90s', 90_000], ['1.5 hours', 5_400_000], ['1 day', 86_400_000], ['2 w', 1_209_600_000], ['250ms', 250], ['1 minute', 60_000]])('reads "%s"', (text, expected) => {
  expect(durationOf(text)).toBe(expected);
});
it.each(['10', 'ten minutes', '1 month', '-1 s', '1 minutess', ''])('refuses "%s" as a duration', (text) => {
  expect(durationOf(text)).toBeNull();
});
it.each([['0.1%', 0.001], ['100 %', 1], [0.05, 0.05], [0, 0], ['0%', 0]])('reads %p as a share', (value, expected) => {
  expect(shareOf(value)).toBe(expected);
});
it.each(['101%', 5, -1, 'few'])('refuses %p as a share', (value) => {
  expect(shareOf(value)).toBeNull();
});
