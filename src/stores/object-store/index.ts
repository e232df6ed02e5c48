export { openObjectStore, isChanged, type ObjectEntry, type ObjectStore, type TransferOptions } from './object-store';
export { objectStoreSchema, type ObjectStoreSettings } from './settings';
