import { createChangeState, createReadState } from './change-state';
import { createCheckConnections } from './check-connections';
import { createCheckStream } from './check-stream';
import type { CleanActivities } from './clean-contract';
import { createCleanPipeline, createFindStaging } from './clean-pipeline';
import type { CompactActivities } from './compact-contract';
import { createCompactStream } from './compact-stream';
import type { Activities } from './contract';
import type { Dependencies } from './dependencies';
import { createDescribeRun } from './describe-run';
import { createDiscoverStreams } from './discover-streams';
import { createExamineWorker } from './examine-worker';
import { createExtractPartition } from './extract-partition';
import { createFinishRun } from './finish-run';
import { createLoadBatch } from './load-batch';
import { createPlanStream } from './plan-stream';
import { createPrepareTarget } from './prepare-target';
import { createPreviewPipeline, createSweepPreview } from './preview-pipeline';
import { createPublishStream } from './publish-stream';
import { createRereadPartition } from './reread-partition';
import { createRollbackRun } from './rollback-run';
import type { SeeingActivities } from './seeing-contract';
import { createSkipPartition } from './skip-partition';
import { createSettlePipeline } from './settle-pipeline';
import { createStartRun } from './start-run';
import { createTraceBatch } from './trace-batch';
import { createTransformBatch } from './transform-batch';
import { createTransformStream } from './transform-stream';
import { createVerifyRun } from './verify-run';

export type { Dependencies } from './dependencies';
export { failureInterceptor } from './failures';
export { timingInterceptor } from './timing';

export const createActivities = (dependencies: Dependencies): Activities & SeeingActivities & CleanActivities & CompactActivities => ({
  startRun: createStartRun(dependencies),
  planStream: createPlanStream(dependencies),
  prepareTarget: createPrepareTarget(dependencies),
  extractPartition: createExtractPartition(dependencies),
  transformBatch: createTransformBatch(dependencies),
  transformStream: createTransformStream(dependencies),
  loadBatch: createLoadBatch(dependencies),
  checkStream: createCheckStream(dependencies),
  publishStream: createPublishStream(dependencies),
  rereadPartition: createRereadPartition(dependencies),
  skipPartition: createSkipPartition(dependencies),
  rollbackRun: createRollbackRun(dependencies),
  finishRun: createFinishRun(dependencies),
  checkConnections: createCheckConnections(dependencies),
  verifyRun: createVerifyRun(dependencies),
  discoverStreams: createDiscoverStreams(dependencies),
  describeRun: createDescribeRun(dependencies),
  readState: createReadState(dependencies),
  changeState: createChangeState(dependencies),
  examineWorker: createExamineWorker(dependencies),
  traceBatch: createTraceBatch(dependencies),
  previewPipeline: createPreviewPipeline(dependencies),
  sweepPreview: createSweepPreview(dependencies),
  findStaging: createFindStaging(dependencies),
  cleanPipeline: createCleanPipeline(dependencies),
  settlePipeline: createSettlePipeline(dependencies),
  compactStream: createCompactStream(dependencies),
});
