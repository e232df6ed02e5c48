import type { ProgramSetup, RowFunction } from './program';

/** To come with the step. */
export function parse(_setup: ProgramSetup): RowFunction {
  return () => ({});
}
