/** How fine the clock of the timeouts is: a quarter of the shortest one, between these bounds, in ms. */
const FINEST_TICK = 5;
const COARSEST_TICK = 1000;

/**
 * One timer for all timeouts of a pool, so that an exchange costs none. It runs while there is something to watch and
 * never keeps the process alive.
 */
export class Ticker {
  readonly #periodMs: number;
  /** Answers whether there is more to watch. */
  readonly #tick: () => boolean;
  #timer: NodeJS.Timeout | null = null;

  /** `timeouts` in ms, 0: off. */
  constructor(timeouts: readonly number[], tick: () => boolean) {
    const shortest = Math.min(...timeouts.filter(timeout => timeout > 0));
    this.#periodMs = Math.min(COARSEST_TICK, Math.max(FINEST_TICK, Math.floor(shortest / 4)));
    this.#tick = tick;
  }

  /** Starts ticking unless it does. */
  start(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#onTick(), this.#periodMs);
    this.#timer.unref();
  }

  #onTick(): void {
    if (this.#tick() || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
