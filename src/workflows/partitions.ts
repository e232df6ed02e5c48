import { ApplicationFailure, CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import { activityId } from '../domain/ids';
import type { PlanRef } from '../domain/plan';
import type { activitiesWith } from './activity-options';
import type { Gate } from './gate';
import type { CarriedStream, LoadStreamInput, Range } from './messages';
import { contains, countOf, without, withOrdinal } from './ranges';
import { Tally } from './tally';

/** Ends a piece that a person skipped; the partition counts as moved. */
const skippedType = 'Skipped';

/** The partitions of a stream on their way: a window of them at once, its size changeable meanwhile. */
export class Partitions {
  window: number;
  done: readonly Range[];
  readonly tally: Tally;
  readonly skipped: Set<number>;
  /** Partitions that wait, or waited, staged for a person's word before they are loaded; null: nothing is asked. */
  private approving: { staged: readonly Range[]; approved: boolean } | null = null;
  private readonly rereads: Map<number, number>;
  private readonly held: Map<number, string>;
  private moving = 0;
  private next = 0;
  private failure: unknown;

  constructor(
    private readonly input: LoadStreamInput,
    private readonly gate: Gate,
    private readonly activities: ReturnType<typeof activitiesWith>,
    private readonly shown: () => void,
  ) {
    const carried = input.carried;
    this.window = input.window;
    this.done = carried?.done ?? [];
    this.approving = carried?.approving ? { ...carried.approving } : null;
    this.tally = new Tally(carried?.totals);
    this.skipped = new Set(carried?.skipped);
    this.rereads = new Map(Object.entries(carried?.rereads ?? {}).map(([part, generation]) => [Number(part), generation]));
    this.held = new Map(carried?.held.map(({ partition, message }) => [partition, message]));
  }

  carried(plan: PlanRef): CarriedStream {
    const held = this.gate.waiting.flatMap(({ partition, message }) => (typeof partition === 'number' ? [{ partition, message }] : []));
    return { plan, done: this.done, totals: this.tally.settled, skipped: [...this.skipped], rereads: Object.fromEntries(this.rereads), held, approvals: this.gate.approvals, ...(this.approving && { approving: this.approving }) };
  }

  count(): number {
    return countOf(this.done);
  }

  /** From now on partitions are read and staged; what they hold is loaded after `approved`. */
  stageOnly(): void {
    this.approving ??= { staged: [], approved: false };
  }

  get awaitsApproval(): boolean {
    return this.approving?.approved === false;
  }

  /** A person has let it pass: what is staged is still to be loaded. */
  approved(): void {
    if (this.approving === null) return;
    this.approving.approved = true;
    this.done = [...this.skipped].reduce<readonly Range[]>(withOrdinal, []);
  }

  /** Moves what is not done; false: stopped early, to continue as new. Called again after a partition was taken back. */
  async move(plan: PlanRef): Promise<boolean> {
    this.next = 0;
    this.failure = undefined;
    while (this.left(plan) || this.moving > 0) {
      while (this.mayLaunch(plan)) this.launch(plan, this.next);
      this.shown();
      if (this.stopping() && this.gate.busy === 0) break;
      const before = this.moving;
      // A whole-workflow cancel rejects condition(); what runs is cancelled with it and must be awaited before leaving.
      try {
        await condition(() => this.moving < before || this.mayLaunch(plan) || (this.stopping() && this.gate.busy === 0));
      } catch (error) {
        this.failure ??= error;
        await CancellationScope.nonCancellable(() => condition(() => this.moving === 0));
      }
    }
    // Pieces that still wait for a person are left: the stream ends, or begins anew with them.
    if (this.failure !== undefined) throw this.failure;
    if (this.count() < plan.partitions) this.gate.refuseDraining();
    return this.count() === plan.partitions;
  }

  /** Asks the source again for a partition, as its next generation. Throws where it cannot be. */
  async reread(plan: PlanRef, part: number, mayTakeBack: boolean): Promise<void> {
    const { run, stream } = this.input;
    if (this.skipped.has(part) || (contains(this.done, part) && !mayTakeBack)) throw refused(`partition ${part} of "${stream}" is ${this.skipped.has(part) ? 'skipped' : 'loaded'}; only what is not loaded can be read again`);
    await this.holdStill(plan, part);
    try {
      const generation = (this.rereads.get(part) ?? 1) + 1;
      await this.activities.rereadPartition.executeWithOptions(this.named(part, 'reread', generation), [{ run, stream, ordinal: part, reread: generation }]);
      this.rereads.set(part, generation);
      this.done = without(this.done, part);
      if (this.approving) this.approving.staged = without(this.approving.staged, part);
    } finally {
      this.gate.thaw(part);
    }
  }

  /** Leaves a partition out, as a recorded gap. Throws where it cannot be. */
  async skip(plan: PlanRef, part: number, by: string | null, reason: string): Promise<void> {
    const { run, stream } = this.input;
    if (this.skipped.has(part)) return;
    if (contains(this.done, part)) throw refused(`partition ${part} of "${stream}" is loaded already; there is nothing to skip`);
    if (plan.wholeStream) throw refused(`skipping partition ${part} of "${stream}": a step of this stream needs all of its rows, and its result without them would be wrong; mend the partition, or cancel`);
    await this.holdStill(plan, part);
    try {
      await this.activities.skipPartition.executeWithOptions(this.named(part, 'skip'), [{ run, stream, ordinal: part, ...this.generation(part), by, reason }]);
    } catch (error) {
      this.gate.thaw(part);
      throw error;
    }
    this.skipped.add(part);
    this.gate.thaw(part, ApplicationFailure.nonRetryable('skipped', skippedType));
  }

  /** A piece of its own for a partition, launched or not, that does not run meanwhile. */
  private async holdStill(plan: PlanRef, part: number): Promise<void> {
    if (this.gate.has(part)) await this.gate.freeze(part);
    else if (!contains(this.done, part)) this.launch(plan, part, true);
  }

  private left(plan: PlanRef): boolean {
    while (this.next < plan.partitions && (contains(this.done, this.next) || this.gate.has(this.next))) this.next += 1;
    return this.next < plan.partitions;
  }

  private stopping(): boolean {
    return this.failure !== undefined || this.gate.draining || workflowInfo().continueAsNewSuggested;
  }

  private mayLaunch(plan: PlanRef): boolean {
    return !this.stopping() && this.left(plan) && this.moving - this.gate.waiting.length < this.window && !this.gate.paused;
  }

  private launch(plan: PlanRef, part: number, frozen = false): void {
    const held = this.held.get(part);
    this.held.delete(part);
    this.moving += 1;
    this.gate.attempt(part, () => this.movePartition(part, plan.wholeStream), { frozen, ...(held === undefined ? {} : { held }) })
      .then(() => {
        this.done = withOrdinal(this.done, part);
        if (this.approving) this.approving.staged = withOrdinal(this.approving.staged, part);
        this.tally.settlePart(part);
      })
      .catch((error: unknown) => {
        if (error instanceof ApplicationFailure && error.type === skippedType) this.done = withOrdinal(this.done, part);
        else this.failure ??= error;
      })
      .finally(() => {
        this.tally.forget(part);
        this.moving -= 1;
      });
  }

  /** extract → transform → load of one partition; each finds its own earlier work and moves on. */
  private async movePartition(ordinal: number, whole: boolean): Promise<void> {
    const part = { run: this.input.run, stream: this.input.stream, ordinal, ...this.generation(ordinal) };
    const { tally } = this;
    if (!this.isStaged(ordinal)) {
      tally.begin(ordinal, 'extract');
      const landed = tally.counted(await this.activities.extractPartition.executeWithOptions(this.named(ordinal, 'extract'), [part]));
      this.gate.refuseDraining();
      tally.begin(ordinal, 'transform', { extracted: landed.rows, bytes: landed.bytes });
      const batch = tally.counted(await this.activities.transformBatch.executeWithOptions(this.named(ordinal, 'transform'), [part]));
      this.gate.refuseDraining();
      tally.begin(ordinal, 'load', { extracted: batch.read, transformed: batch.rows, rejected: batch.rejected });
    }
    const loaded = whole || this.awaitsApproval ? { rows: 0 } : tally.counted(await this.activities.loadBatch.executeWithOptions(this.named(ordinal, 'load'), [part]));
    tally.begin(ordinal, 'load', { loaded: loaded.rows });
  }

  private isStaged(ordinal: number): boolean {
    return this.approving !== null && contains(this.approving.staged, ordinal);
  }

  private generation(part: number): { readonly reread?: number } {
    const reread = this.rereads.get(part);
    return reread === undefined ? {} : { reread };
  }

  private named(part: number, verb: string, generation = this.rereads.get(part) ?? 1): { readonly activityId: string; readonly summary: string } {
    const mark = generation > 1 ? `~${generation}` : '';
    return { activityId: activityId(this.input.stream, part, `${verb}${mark}`), summary: `${verb} ${this.input.stream} ${part}${mark}` };
  }
}

export const refused = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Refused');
