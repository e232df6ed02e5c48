/** Everything exported here becomes a workflow type. */
export { checkConnections } from './check-connections';
export { holdPipeline } from './hold-pipeline';
export { loadStream } from './load-stream';
export { requestCancel } from './request-cancel';
export { runPipeline } from './run-pipeline';
