/** Everything exported here becomes a workflow type. */
export { backfillPipeline } from './backfill-pipeline';
export { changeState, readState } from './change-state';
export { checkConnections } from './check-connections';
export { cleanUp } from './clean-up';
export { compactPipeline } from './compact-pipeline';
export { describeRun } from './describe-run';
export { discoverStreams } from './discover-streams';
export { examineWorker } from './examine-worker';
export { holdPipeline } from './hold-pipeline';
export { loadStream } from './load-stream';
export { previewPipeline } from './preview-pipeline';
export { requestCancel } from './request-cancel';
export { runPipeline } from './run-pipeline';
export { verifyRun } from './verify-run';
export { traceBatch } from './trace-batch';
