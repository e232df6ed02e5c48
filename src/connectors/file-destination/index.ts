export { openFileDestination, fileCapabilities } from './open-file-destination';
export { createFileOnce, readLocalHead, swapLocalHead } from './local-head';
export { tableFiles } from './manifest';
export { fenceFolder, isMerging, type Announcement, type BatchManifest, type Head, type NewFile, type TableFile, type TableStore } from './table-store';
