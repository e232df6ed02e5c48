import type { Step } from './client';
import { displacedSteps } from './displaced';
import { countStep, sameGroup, type Write } from './write';

/** Adds the staged rows. */
export function append(write: Write): readonly Step[] {
  const { names, request, hidden, columns, types } = write;
  const { stream } = request.target;
  if (stream.lookback === undefined || stream.key.length === 0 || !stream.cursor) {
    return [countStep('written', hidden), { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}` }];
  }
  // Read again because of the lookback: a row whose key and cursor value are there already is the same row.
  const there = sameGroup(types, [...stream.key, stream.cursor], 't', 'h');
  return [
    { sql: `CREATE TEMP TABLE _millrace_known AS SELECT DISTINCT h._millrace_batch_id AS b, h._millrace_position AS p FROM ${hidden} h JOIN ${names.target} t ON ${there}` },
    { sql: `CREATE TEMP TABLE _millrace_fresh AS SELECT h.* FROM ${hidden} h LEFT JOIN _millrace_known k ON k.b = h._millrace_batch_id AND k.p = h._millrace_position WHERE k.p IS NULL` },
    ...displacedSteps(write, 'hidden', `SELECT h.* FROM ${hidden} h JOIN _millrace_known k ON k.b = h._millrace_batch_id AND k.p = h._millrace_position`),
    countStep('deduplicated', '_millrace_known'),
    countStep('written', '_millrace_fresh'),
    { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_fresh` },
  ];
}
