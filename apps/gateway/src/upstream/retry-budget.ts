/** Retries that are always allowed, per second: a pool with little traffic must be able to retry at all. */
const LEAST_PER_SECOND = 5;
/** Seconds of the least rate, or requests' worth of budget, that may be saved up. */
const SAVED = 10;

/**
 * Bounds retries to a share of the requests, so that a backend in trouble is not buried under them (retry storm). A bucket:
 * each request puts a fraction in, each retry takes one out.
 */
export class RetryBudget {
  readonly #perRequest: number;
  #tokens = LEAST_PER_SECOND * SAVED;
  #refilledAt = 0;

  /** `percent` of the requests; 0: no limit. */
  constructor(percent: number) {
    this.#perRequest = percent / 100;
  }

  /** A request was sent for the first time. */
  requested(): void {
    if (this.#tokens < LEAST_PER_SECOND * SAVED) this.#tokens += this.#perRequest;
  }

  /** Takes a retry out, or answers false. `now`: ms, monotonic. */
  take(now: number): boolean {
    if (this.#perRequest === 0) return true;
    const earned = ((now - this.#refilledAt) / 1000) * LEAST_PER_SECOND;
    this.#tokens = Math.min(LEAST_PER_SECOND * SAVED, this.#tokens + Math.max(0, earned));
    this.#refilledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
