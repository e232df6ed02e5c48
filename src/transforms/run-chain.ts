/** The door to chains of steps: what the activities use. */
export { createRejects, quotedReferences, runChain, type ChainCounts, type ChainRequest, type ChainResult, type ReferenceRelation, type References } from './chain';
export { rejectsRows } from './contract';
export { describeChain } from './describe-chain';
export { needsAllRows, needsPositions, splitOf } from './split-chain';
