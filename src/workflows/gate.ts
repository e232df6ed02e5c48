import { ActivityFailure, ApplicationFailure, CancellationScope, CancelledFailure, condition, isCancellation } from '@temporalio/workflow';
import type { Approval } from '../domain/approval';
import { told } from './failures';
import type { Waiting } from './messages';

/** A partition, `all`, or null for the stream as a whole in its current stage. */
export type Part = number | 'all' | null;

type Decision = { readonly kind: 'again'; readonly approval: Approval | null } | { readonly kind: 'end'; readonly failure: Error };

interface Piece {
  readonly part: Part;
  /** Of the work in hand; null while it waits. */
  scope: CancellationScope | null;
  waiting: Waiting | null;
  decision: Decision | null;
  /** Kept from running while a person's order about it is carried out. */
  frozen: boolean;
}

/**
 * A person's hand on a stream: pause stops what runs, resume lets it run again, a hold waits for a person, and so does an approval.
 * Work goes through `attempt`, which starts it again after a pause or a mended hold. Handlers are in stream-controls.
 */
export class Gate {
  private readonly pieces = new Map<Part, Piece>();
  private readonly stopped = new WeakSet<CancellationScope>();
  /** Nothing starts any more: the run is being cancelled after what is in hand. */
  draining = false;

  constructor(public paused: boolean, private readonly onFailure: 'hold' | 'fail', readonly approvals: Approval[] = []) {}

  /** Pieces at work. */
  get busy(): number {
    return [...this.pieces.values()].filter(({ scope }) => scope !== null).length;
  }

  /** Pieces that wait for a person; they take no place in a window. */
  get waiting(): readonly Waiting[] {
    return [...this.pieces.values()].flatMap(({ waiting }) => (waiting ? [waiting] : []));
  }

  has(part: Part): boolean {
    return this.pieces.has(part);
  }

  pause(): void {
    this.paused = true;
    for (const piece of this.pieces.values()) this.stop(piece);
  }

  resume(): void {
    this.paused = false;
    this.retry();
  }

  drain(): void {
    this.draining = true;
  }

  /** Tries again what is held, or starts one piece anew. False: there is nothing of that kind. */
  retry(part?: Part): boolean {
    if (part === undefined) {
      const held = [...this.pieces.values()].filter(({ waiting }) => waiting?.state === 'held');
      for (const piece of held) piece.decision = { kind: 'again', approval: null };
      return held.length > 0;
    }
    const piece = this.pieces.get(part);
    if (!piece) return false;
    if (piece.waiting) piece.decision = { kind: 'again', approval: null };
    else this.stop(piece);
    return true;
  }

  /** Lets pass what waits for an approval, or ends it. False: nothing waits for one. */
  decide(verdict: 'approve' | 'reject', by: string | null, reason: string | null): boolean {
    const waiting = [...this.pieces.values()].filter((piece) => piece.waiting?.state === 'waiting_approval');
    for (const piece of waiting) {
      const what = piece.waiting!.message;
      piece.decision = verdict === 'approve'
        ? { kind: 'again', approval: { what, by, reason, at: new Date().toISOString() } }
        : { kind: 'end', failure: rejected(what, by, reason) };
    }
    return waiting.length > 0;
  }

  /** Stops a piece and keeps it from running until `thaw`. */
  async freeze(part: Part): Promise<void> {
    const piece = this.pieces.get(part);
    if (!piece) return;
    piece.frozen = true;
    this.stop(piece);
    await condition(() => piece.scope === null);
  }

  /** Lets a frozen piece run again, or ends it. */
  thaw(part: Part, end?: Error): void {
    const piece = this.pieces.get(part);
    if (!piece) return;
    piece.frozen = false;
    piece.decision = end ? { kind: 'end', failure: end } : { kind: 'again', approval: null };
  }

  /** Between two activities: after a cancel, what is in hand ends and nothing new starts. */
  refuseDraining(): void {
    if (this.draining) throw new CancelledFailure('the run was cancelled before this began');
  }

  /** Runs `work` until it ends: again after a pause that stopped it, and after a person's word where it waits for one. */
  async attempt<Result>(part: Part, work: (approval: Approval | null) => Promise<Result>, begin: { readonly held?: string; readonly frozen?: boolean } = {}): Promise<Result> {
    const piece: Piece = { part, scope: null, waiting: null, decision: null, frozen: begin.frozen === true };
    this.pieces.set(part, piece);
    try {
      let approval = begin.held === undefined ? null : await this.wait(piece, { part, state: 'held', message: begin.held });
      for (;;) {
        await condition(() => (!this.paused && !piece.frozen) || piece.decision?.kind === 'end' || this.draining);
        if (piece.decision?.kind === 'end') throw piece.decision.failure;
        piece.decision = null;
        this.refuseDraining();
        const scope = new CancellationScope();
        piece.scope = scope;
        try {
          const begun = approval;
          return await scope.run(() => work(begun));
        } catch (error) {
          piece.scope = null;
          const interrupted = isCancellation(error) || wasInterrupted(error);
          if (!interrupted) approval = await this.judge(piece, error);
          else if (!this.stopped.has(scope)) throw isCancellation(error) ? error : new CancelledFailure('stopped while it was to be tried again');
        } finally {
          piece.scope = null;
        }
      }
    } finally {
      this.pieces.delete(part);
    }
  }

  /** Waits until a person approves; throws where one rejects. */
  async approval(part: Part, message: string): Promise<Approval> {
    const piece: Piece = { part, scope: null, waiting: null, decision: null, frozen: false };
    this.pieces.set(part, piece);
    try {
      return (await this.wait(piece, { part, state: 'waiting_approval', message }))!;
    } finally {
      this.pieces.delete(part);
    }
  }

  private stop({ scope }: Piece): void {
    if (!scope) return;
    this.stopped.add(scope);
    scope.cancel();
  }

  private judge(piece: Piece, error: unknown): Promise<Approval | null> {
    const { disposition, message } = told(error);
    if (disposition === 'approve') return this.wait(piece, { part: piece.part, state: 'waiting_approval', message });
    if (disposition !== 'hold' || this.onFailure === 'fail') throw error;
    return this.wait(piece, { part: piece.part, state: 'held', message });
  }

  private async wait(piece: Piece, { part, state, message }: { readonly part: Part; readonly state: Waiting['state']; readonly message: string }): Promise<Approval | null> {
    piece.waiting = { partition: part, state, message };
    piece.decision = null;
    try {
      await condition(() => (piece.decision !== null && !piece.frozen) || this.draining);
      if (this.draining) this.refuseDraining();
      const decision: Decision = piece.decision!;
      piece.decision = null;
      if (decision.kind === 'end') throw decision.failure;
      if (decision.approval) this.approvals.push(decision.approval);
      return decision.approval;
    } finally {
      piece.waiting = null;
    }
  }
}

/** An attempt that failed just as it was told to stop, and would have been tried again: a lost connection, a lock's timeout. */
const wasInterrupted = (error: unknown): boolean => error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';

const rejected = (what: string, by: string | null, reason: string | null): ApplicationFailure => ApplicationFailure.nonRetryable(
  `rejected${by ? ` by ${by}` : ''}${reason ? ` (${reason})` : ''}: ${what}; nothing was published`, 'Rejected', { disposition: 'fail', area: 'check', name: 'Rejected' });
