export { inferredHead, writeHead } from './head';
export { openFileSource } from './open-file-source';
export { hasWildcard, type ByteRange, type FileEntry, type Place } from './place';
export { matcherOf } from './patterns';
export { unpackSchema, type UnpackLimits } from './settings';
