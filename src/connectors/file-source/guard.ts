import { SourceHeldError } from '../../domain/errors';
import type { UnpackLimits } from './settings';

/** Judged beyond this: small files may well be mostly repetition. */
const ratioFrom = 64 * 2 ** 20;
/** A compressed file in an archive in a compressed file …: more than this is made to do harm. */
const deepest = 5;

/** Counts what one file unpacks to, and stops it where that is out of all proportion. */
export interface Guard {
  bytes(count: number): void;
  member(): void;
  depth(levels: number): void;
}

export function createGuard(label: string, packed: number, limits: UnpackLimits): Guard {
  let bytes = 0;
  let members = 0;
  const refuse = (why: string, setting: string): never => {
    throw new SourceHeldError(`unpacking "${label}": ${why}; if this is right, raise ${setting} of the connection, then "millrace resume RUN"`, { file: label });
  };
  return {
    bytes(count) {
      bytes += count;
      if (bytes > limits.max_bytes) refuse(`it unpacks to more than ${limits.max_bytes} bytes`, '"unpack.max_bytes"');
      if (bytes > ratioFrom && bytes > packed * limits.max_ratio) refuse(`it unpacks to more than ${limits.max_ratio} times its ${packed} bytes`, '"unpack.max_ratio"');
    },
    member() {
      members += 1;
      if (members > limits.max_members) refuse(`it holds more than ${limits.max_members} files`, '"unpack.max_members"');
    },
    depth(levels) {
      if (levels > deepest) throw new SourceHeldError(`unpacking "${label}": it is packed more than ${deepest} times; unpack it by hand`, { file: label });
    },
  };
}
