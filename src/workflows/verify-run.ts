import type { VerifyRunInput } from '../activities/seeing-contract';
import type { VerifyReport } from '../domain/verify-report';
import { comparing } from './activity-options';

/** `millrace verify`: one activity, since receipts, ledger and rows tell everything. */
export async function verifyRun(input: VerifyRunInput): Promise<VerifyReport> {
  return comparing().verifyRun.executeWithOptions({ activityId: 'verify', summary: `verify ${input.word}` }, [input]);
}
