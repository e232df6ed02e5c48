import type { Attempted } from '../activities/contract';
import { partStages, type PartStage } from '../domain/plan';
import { noStreamTotals, type StreamTotals } from './messages';

/** A partition that has begun and is not done, and what it has moved so far. */
interface Begun {
  readonly stage: PartStage;
  readonly moved: Partial<StreamTotals>;
}

/** Running figures of a stream, for people: the proof is made from artefacts, not from these. */
export class Tally {
  /** Of partitions that are done. */
  settled: StreamTotals;
  private readonly begun = new Map<number, Begun>();

  constructor(carried: Partial<StreamTotals> = {}) {
    this.settled = { ...noStreamTotals, ...carried };
  }

  /** With what partitions on their way have moved. */
  get totals(): StreamTotals {
    return [...this.begun.values()].reduce((sum, { moved }) => plus(sum, moved), this.settled);
  }

  /** How many partitions are where. */
  get stages(): Readonly<Record<PartStage, number>> {
    const count = (wanted: PartStage): number => [...this.begun.values()].filter(({ stage }) => stage === wanted).length;
    return Object.fromEntries(partStages.map((stage) => [stage, count(stage)])) as Record<PartStage, number>;
  }

  /** A partition enters a stage. Begun anew after a pause, it finds its earlier work and says the same again. */
  begin(part: number, stage: PartStage, moved: Partial<StreamTotals> = {}): void {
    this.begun.set(part, { stage, moved: { ...this.begun.get(part)?.moved, ...moved } });
  }

  /** A partition is done. */
  settlePart(part: number): void {
    this.settle(this.begun.get(part)?.moved ?? {});
    this.forget(part);
  }

  /** A partition that is not done begins anew, or is left out. */
  forget(part: number): void {
    this.begun.delete(part);
  }

  settle(more: Partial<StreamTotals>): void {
    this.settled = plus(this.settled, more);
  }

  /** An activity that ended well, perhaps not at its first attempt. */
  counted<Result extends Attempted>(result: Result): Result {
    this.settle({ retries: (result.attempt ?? 1) - 1 });
    return result;
  }
}

const plus = (sum: StreamTotals, more: Partial<StreamTotals>): StreamTotals =>
  Object.fromEntries(Object.entries(sum).map(([name, count]) => [name, count + (more[name as keyof StreamTotals] ?? 0)])) as unknown as StreamTotals;
