import { driftText, type ContractRule } from '../domain/contract';
import type { Contracted } from './plan-contract';
import type { PlannedStream } from './seeing-contract';

/** Differences and what a run would make of them, for people. */
export function driftShown({ plan: { drift = [], rules = [], approval }, refusal }: Contracted): PlannedStream['drift'] {
  if (drift.length === 0) return { differences: [], outcome: null };
  const differences = drift.map(driftText);
  if (refusal !== null) return { differences, outcome: 'the run ends before anything is written' };
  if (approval !== undefined) return { differences, outcome: 'rows are read and staged; nothing is loaded before "millrace approve RUN"' };
  return { differences, outcome: rules.length > 0 ? rules.map(ruleText).join('; ') : 'let pass' };
}

function ruleText(rule: ContractRule): string {
  switch (rule.rule) {
    case 'fill': return `"${rule.column.name}" is loaded as NULL`;
    case 'leave_out': return `"${rule.column}" is not loaded${{ row: ', and rows that have a value there are left out', quarantine: ', and rows that have a value there go to quarantine', value: '' }[rule.value]}`;
    case 'keep_type': return `"${rule.column.name}" stays ${rule.column.sourceType?.type ?? rule.column.type}${{ none: '', row: ', and rows with a value that does not fit are left out', value: ', and a value that does not fit becomes NULL', quarantine: ', and rows with a value that does not fit go to quarantine' }[rule.misfit]}`;
  }
}
