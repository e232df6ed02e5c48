import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

/** The one timer behind `pause --until`; a later pause or a resume replaces it. */
export class PauseTimer {
  private scope: CancellationScope | null = null;
  /** ISO instant; null: until a person resumes. */
  until: string | null = null;

  set(until: unknown, resume: () => void): void {
    this.clear();
    const at = typeof until === 'string' ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(at)) return;
    this.until = new Date(at).toISOString();
    const scope = new CancellationScope();
    this.scope = scope;
    scope.run(async () => {
      await sleep(Math.max(1, at - Date.now()), { summary: `paused until ${this.until}` });
      this.scope = null;
      this.until = null;
      resume();
    }).catch((error: unknown) => { if (!isCancellation(error)) throw error; });
  }

  clear(): void {
    this.scope?.cancel();
    this.scope = null;
    this.until = null;
  }
}
