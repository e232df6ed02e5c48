import { createCheckConnections } from './check-connections';
import { createCheckStream } from './check-stream';
import type { Activities } from './contract';
import type { Dependencies } from './dependencies';
import { createExtractPartition } from './extract-partition';
import { createFinishRun } from './finish-run';
import { createLoadBatch } from './load-batch';
import { createPlanStream } from './plan-stream';
import { createPublishStream } from './publish-stream';
import { createStartRun } from './start-run';
import { createTransformBatch } from './transform-batch';
import { createTransformStream } from './transform-stream';

export type { Dependencies } from './dependencies';
export { failureInterceptor } from './failures';

export const createActivities = (dependencies: Dependencies): Activities => ({
  startRun: createStartRun(dependencies),
  planStream: createPlanStream(dependencies),
  extractPartition: createExtractPartition(dependencies),
  transformBatch: createTransformBatch(dependencies),
  transformStream: createTransformStream(dependencies),
  loadBatch: createLoadBatch(dependencies),
  checkStream: createCheckStream(dependencies),
  publishStream: createPublishStream(dependencies),
  finishRun: createFinishRun(dependencies),
  checkConnections: createCheckConnections(dependencies),
});
