import { accountFor, type Accounting, type ScheduledRun } from '../../src/domain/instants';

const at = (minute: number, second = 0): string => `2026-08-01T00:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}Z`;
const run = (minute: number, started: string, ended: string | null, state = 'succeeded'): ScheduledRun => ({ runId: `p/run-${at(minute)}`, nominal: at(minute), startedAt: started, endedAt: ended, state });
const facts = (more: Partial<Accounting>): Accounting => ({
  instants: [0, 1, 2, 3, 4, 5].map((minute) => at(minute)), runs: [], pauses: [], overlap: 'buffer_one', now: at(30), catchup: 120_000, ...more,
});
const told = (more: Partial<Accounting>): readonly string[] => accountFor(facts(more)).map(({ fate, why }) => `${fate}: ${why}`);

it('tells an instant that ran from one whose run was late', () => {
  expect(told({ instants: [at(0), at(1)], runs: [run(0, at(0, 1), at(0, 5)), run(1, at(1, 40), at(1, 50), 'failed')] })).toEqual(['ran: succeeded', 'ran: failed, started 40 s late']);
});

it('names the run that an instant was skipped for, and what waits', () => {
  const long = run(0, at(0), at(2, 30));
  expect(told({ runs: [long, run(1, at(2, 30), at(2, 40)), run(3, at(3), at(3, 5)), run(4, at(4), at(4, 5)), run(5, at(5), at(5, 5))] })[2]).toBe('skipped: overlap (buffer_one): p/run-2026-08-01T00:00:00Z was going on');
  const open = { runs: [run(0, at(0), null, 'running')], now: at(5, 1) };
  expect(told(open).map((line) => line.split(':')[0])).toEqual(['ran', 'waiting', 'skipped', 'skipped', 'skipped', 'skipped']);
  expect(told({ ...open, overlap: 'buffer_all' }).map((line) => line.split(':')[0])).toEqual(['ran', 'waiting', 'waiting', 'waiting', 'waiting', 'waiting']);
  expect(told({ ...open, overlap: 'skip' }).map((line) => line.split(':')[0])).toEqual(['ran', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped']);
});

it('tells what an outage missed from what was caught up and skipped', () => {
  // Down from 00:00:30 to 00:04:10, catch-up of two minutes: 03 and 04 are looked at together, 03 runs, 04 is buffered.
  const after = [run(0, at(0), at(0, 5)), run(3, at(4, 10), at(4, 15)), run(4, at(4, 15), at(4, 20)), run(5, at(5), at(5, 5))];
  expect(told({ runs: after }).map((line) => line.split(',')[0])).toEqual(['ran: succeeded', 'missed: Temporal was down for longer than catchup (2 minutes)', 'missed: Temporal was down for longer than catchup (2 minutes)', 'ran: succeeded', 'ran: succeeded', 'ran: succeeded']);
  const skipped = after.filter(({ nominal }) => nominal !== at(4));
  expect(told({ runs: skipped })[4]).toBe('skipped: overlap: p/run-2026-08-01T00:03:00Z was waiting to start');
});

it('knows what waits behind a run that was caught up after an outage', () => {
  // Down from 00:00:30 to 00:04:10: 03 and 04 are looked at together, 03 is going on, 04 waits; with skip it does not.
  const open = { instants: [at(0), at(3), at(4)], runs: [run(0, at(0), at(0, 5)), run(3, at(4, 10), null, 'running')], now: at(4, 20) };
  expect(told(open)[2]).toBe(`waiting: starts when p/run-${at(3)} has ended`);
  expect(told({ ...open, overlap: 'skip' })[2]).toBe(`skipped: overlap: p/run-${at(3)} was waiting to start`);
  // Paused before 03 ends: what waits behind it is dropped.
  const ended = { ...open, runs: [run(0, at(0), at(0, 5)), run(3, at(4, 10), at(4, 30))], now: at(10), pauses: [{ from: at(4, 20), to: null, by: 'ann', why: 'move' }] };
  expect(told(ended)[2]).toBe(`paused: by ann: move, while it waited for p/run-${at(3)} to end`);
  expect(told({ ...ended, pauses: [] })[2]).toMatch(/^skipped/);
});

it('knows pauses, refused runs and what is about to come', () => {
  expect(told({ instants: [at(1)], pauses: [{ from: at(0, 30), to: at(2), by: 'ann', why: 'move' }] })).toEqual(['paused: by ann: move']);
  expect(told({ instants: [at(1)], runs: [run(1, at(1), at(1, 1), 'refused')] })).toEqual(['skipped: another run of the pipeline was going on']);
  expect(told({ instants: [at(1)], now: at(1, 1) })).toEqual(['waiting: its time has just come']);
});

it('does not take a run that was started again much later for one that was caught up', () => {
  expect(told({ instants: [at(1)], runs: [run(0, '2026-08-01T09:00:00Z', '2026-08-01T09:00:10Z')] })[0]).toMatch(/^missed/);
});

it('names the run that carried the rows of each instant', () => {
  const accounts = accountFor(facts({ runs: [run(0, at(0), at(0, 5)), run(2, at(2), at(2, 5), 'failed'), run(3, at(3), at(3, 5), 'succeeded_with_rejects')] }));
  expect(accounts.map(({ data }) => data)).toEqual([`p/run-${at(0)}`, `p/run-${at(3)}`, `p/run-${at(3)}`, `p/run-${at(3)}`, null, null]);
});
