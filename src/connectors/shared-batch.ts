import { DestinationHeldError } from '../domain/errors';

/** Files that were read while the stream's steps put them into one batch cannot be taken away apart. */
export const sharedBatch = (label: string, path: string | null): DestinationHeldError =>
  new DestinationHeldError(`publishing to "${label}": rows of a changed file lie in one batch with those of ${path === null ? 'other files' : `"${path}"`}, so they cannot be taken away alone; nothing was published: cancel the run, then load everything anew with "mode: full", or set "changed_file: ignore"`, { target: label });
