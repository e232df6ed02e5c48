import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const anomaly = defineCheck({
  name: 'anomaly',
  summary: 'A measure of the stream is not far from what it was in the runs before, as their receipts tell',
  example: 'anomaly: { on: null_rate, column: region }',
  setsAside: false,
  asksDestination: false,
  optionsSchema: z.strictObject({
    on: z.enum(['row_count', 'null_rate', 'sum']).default('row_count').describe('What is measured'),
    column: z.string().optional().describe('Column of null_rate and sum'),
    deviations: z.number().positive().default(3).describe('How many standard deviations it may be away from the mean of earlier runs'),
    tolerance: z.number().min(0).default(0.1).describe('A difference of this share of the mean always passes, however steady it was'),
    runs: z.int().min(2).max(1000).default(30).describe('Earlier runs that are looked at'),
    min_runs: z.int().min(2).default(5).describe('With fewer the check passes and says so'),
  }).refine(({ on, column }) => (on === 'row_count') === (column === undefined), '"column" goes with null_rate and sum'),
  historyOf: ({ runs }) => runs,
  compile({ on, column, deviations, tolerance, min_runs: least }, input) {
    const { history = [], relation } = input;
    const name = column === undefined ? '' : columnOf(column, input, 'anomaly');
    const measured = on === 'row_count' ? 'count(*)' : on === 'sum' ? `sum(${name})` : `CASE WHEN count(*) > 0 THEN 1 - count(${name}) / count(*) END`;
    const known = history.filter((value) => /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value));
    const subject = on === 'row_count' ? 'row_count' : `${on} of ${column!}`;
    if (known.some((value) => value.length > 60)) throw new ConfigurationError('compiling check "anomaly": an earlier receipt holds what is no number');
    const values = known.length > 0 ? `VALUES ${known.map((value) => `(CAST('${value}' AS DOUBLE))`).join(', ')}` : 'SELECT CAST(NULL AS DOUBLE) WHERE false';
    const allowed = `greatest(${deviations} * coalesce(deviation, 0), ${tolerance} * abs(middle))`;
    const verdict = `CASE WHEN runs < ${least} THEN 0 WHEN n IS NULL OR abs(CAST(n AS DOUBLE) - middle) > ${allowed} THEN 1 ELSE 0 END`;
    const usual = `round(middle, 6) || ' give or take ' || round(${allowed}, 6)`;
    const said = `CASE WHEN runs < ${least} THEN ', judged once there are ${least} earlier runs (' || runs || ' so far)' ELSE ', usual is ' || ${usual} END`;
    return {
      kind: 'stream',
      sql: `SELECT ${verdict} AS failing, '${subject.replaceAll("'", "''")} is ' || coalesce(CAST(n AS VARCHAR), 'unknown') || ${said} AS message, CAST(n AS VARCHAR) AS measured, CASE WHEN runs >= ${least} THEN ${usual} END AS expected ` +
        `FROM (SELECT ${measured} AS n FROM ${relation}), (SELECT count(v) AS runs, avg(v) AS middle, stddev_samp(v) AS deviation FROM (${values}) h(v))`,
    };
  },
});
