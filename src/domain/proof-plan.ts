import type { Kind } from './canonical';
import type { Column } from './column';
import type { Measure, ProofColumn, ProofPlan } from './fingerprint';

/** How one staged column stands in the target; a text: why it is left out. */
export type Arrival = Kind | { readonly leftOut: string };

export function proofPlanOf(columns: readonly Column[], arrivalOf: (column: Column) => Arrival): ProofPlan {
  const arrivals = columns.map((column) => ({ column, arrival: arrivalOf(column) }));
  return {
    columns: arrivals.flatMap(({ column, arrival }): ProofColumn[] => (typeof arrival === 'string' ? [{ name: column.name, kind: arrival, measure: measureOf(arrival, column.type.toUpperCase()) }] : [])),
    leftOut: arrivals.flatMap(({ column, arrival }) => (typeof arrival === 'string' ? [] : [{ name: column.name, reason: arrival.leftOut }])),
  };
}

const natural: Readonly<Record<string, Kind>> = {
  BOOLEAN: 'boolean', FLOAT: 'real', DOUBLE: 'double', VARCHAR: 'text', UUID: 'uuid', BLOB: 'bytes', DATE: 'date', TIME: 'time',
  TIMESTAMP: 'timestamp', TIMESTAMP_S: 'timestamp', TIMESTAMP_MS: 'timestamp', 'TIMESTAMP WITH TIME ZONE': 'instant',
};

/** What a value of a DuckDB type is by itself. */
export function kindOfStaged(type: string): Kind {
  const upper = type.toUpperCase();
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(upper) || /^DECIMAL/.test(upper) && !upper.endsWith(']')) return 'number';
  return natural[upper] ?? 'nested';
}

/** Sums that could pass 38 digits over many rows would fail the query, so wide decimals have none. */
const widestSum = 28;

function measureOf(kind: Kind, stagedType: string): Measure {
  switch (kind) {
    case 'number': {
      if (stagedType === 'VARCHAR') return 'none';
      const [, precision] = /^DECIMAL\((\d+)/.exec(stagedType) ?? [];
      return stagedType.includes('HUGE') || Number(precision ?? 0) > widestSum ? 'range' : 'sum';
    }
    case 'real': case 'double': case 'date': case 'time': case 'timestamp': case 'instant': return 'range';
    case 'text': case 'padded': case 'own': case 'bytes': return 'length';
    case 'boolean': case 'uuid': case 'nested': return 'none';
  }
}
