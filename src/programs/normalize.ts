import type { ProgramSetup, RowFunction } from './program';

/** Unicode forms other than NFC, which DuckDB has itself. */
export function normalize({ settings }: ProgramSetup): RowFunction {
  const form = settings['form'] as string;
  return (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value.normalize(form) : null]));
}
