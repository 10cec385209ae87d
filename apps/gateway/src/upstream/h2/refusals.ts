/** First pause after a refused stream, and the longest, ms. */
const FIRST_MS = 20;
const LONGEST_MS = 320;

/**
 * Pauses a connection whose backend refuses streams although we are below its limit: it counts streams that were reset until
 * its work for them is done, so a client that cancels and asks anew meets refusals. Each refusal in a row doubles the pause.
 */
export class Refusals {
  readonly #onOver: () => void;
  #pauseMs = FIRST_MS;
  #timer: NodeJS.Timeout | null = null;

  /** `onOver`: the pause has ended. */
  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  get isPausing(): boolean {
    return this.#timer !== null;
  }

  /** A stream was refused. */
  add(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#onOver();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(LONGEST_MS, this.#pauseMs * 2);
  }

  /** A stream was served: the next refusal begins anew. */
  ended(): void {
    this.#pauseMs = FIRST_MS;
  }

  /** The connection is gone. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
