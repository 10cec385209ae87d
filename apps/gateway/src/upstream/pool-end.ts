/** The end of a pool of connections: they finish what they have, and at a deadline are cut. */
export class PoolEnd {
  #begun = false;
  #whenGone: (() => void) | null = null;

  /** No new exchanges are taken and no connection is kept. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  begin(): void {
    this.#begun = true;
  }

  /** Resolves when `gone` is called; after `deadlineMs` calls `cut`, which must bring that about. */
  wait(deadlineMs: number, cut: () => void): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(cut, deadlineMs);
      this.#whenGone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The last connection is gone. */
  gone(): void {
    this.#whenGone?.();
  }
}
