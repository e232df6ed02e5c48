import { EtlError } from '../domain/errors';

/** Whether an error tells of the data: neither one of ours, nor of the file system, nor a stop. By its marks, since classes differ between realms. */
export function isDamage(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && 'message' in error && !EtlError.is(error) && !('syscall' in error) && (error as Error).name !== 'AbortError';
}
