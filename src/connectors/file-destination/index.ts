export { openFileDestination, fileCapabilities } from './open-file-destination';
export { createFileOnce, readLocalHead, swapLocalHead } from './local-head';
export { fenceFolder, isMerging, type BatchManifest, type Head, type NewFile, type TableFile, type TableStore } from './table-store';
