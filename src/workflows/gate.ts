import { CancellationScope, condition, isCancellation, setHandler } from '@temporalio/workflow';
import { pause, resume } from './messages';
import { told } from './failures';

/**
 * A person's hand on a stream: pause stops what runs, resume lets it run again, a hold waits for resume.
 * Work goes through `attempt`, which starts it again after a pause or a mended hold.
 */
export class Gate {
  private readonly running = new Set<CancellationScope>();
  private readonly stopped = new WeakSet<CancellationScope>();
  private resumed = 0;
  /** Pieces of work that wait for a person; they take no place in a window. */
  holding = 0;
  held: string | null = null;

  constructor(public paused: boolean, private readonly onFailure: 'hold' | 'fail') {
    setHandler(pause, () => this.pause(), { description: 'Stop at the next safe place; nothing is lost' });
    setHandler(resume, () => this.resume(), { description: 'Go on; also tries again what is held' });
  }

  get busy(): number {
    return this.running.size - this.holding;
  }

  private pause(): void {
    this.paused = true;
    for (const scope of this.running) {
      this.stopped.add(scope);
      scope.cancel();
    }
  }

  private resume(): void {
    this.paused = false;
    this.held = null;
    this.resumed += 1;
  }

  /** Runs `work` until it ends: again after a pause that stopped it, and after `resume` where it is held. */
  async attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await condition(() => !this.paused);
      const scope = new CancellationScope();
      this.running.add(scope);
      try {
        return await scope.run(work);
      } catch (error) {
        if (isCancellation(error)) {
          if (!this.stopped.has(scope)) throw error;
        } else {
          await this.hold(error);
        }
      } finally {
        this.running.delete(scope);
      }
    }
  }

  private async hold(error: unknown): Promise<void> {
    const { holds, message } = told(error);
    if (!holds || this.onFailure === 'fail') throw error;
    const before = this.resumed;
    this.held = message;
    this.holding += 1;
    try {
      await condition(() => this.resumed > before);
    } finally {
      this.holding -= 1;
    }
  }
}
