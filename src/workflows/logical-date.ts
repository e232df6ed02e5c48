import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { wholeSeconds } from '../domain/schedule';
import type { RunPipelineInput } from './messages';

/** The nominal time, also where a run was late, buffered, or started again by the server's own backfill. */
const scheduledStart = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** A run's logical date: the one it was given, else the instant its schedule named; never the clock. */
export function logicalDateOf({ spec, logicalDate }: RunPipelineInput): string {
  if (logicalDate !== undefined) return logicalDate;
  const scheduled = workflowInfo().typedSearchAttributes.get(scheduledStart);
  if (scheduled) return wholeSeconds(scheduled);
  throw ApplicationFailure.nonRetryable(`starting pipeline "${spec.pipeline}": no logical date was given and no schedule started this run; start it with "millrace run" or "millrace schedule trigger ${spec.pipeline}"`, 'ConfigurationError');
}
