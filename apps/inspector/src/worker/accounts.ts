/**
 * The books of the log of frames: every position the gateway filled was received here, is known to be dropped, or, when only
 * what passes a filter is asked for, was looked at there and left out.
 */

/** Counts for one subscription after another, of one gateway process. */
export class Accounts {
  /** Position after the last one accounted for. */
  position = 0;
  received = 0;
  /** Told by DROPPED, or lost while there was no connection. */
  dropped = 0;
  /** Left out by the subscription's filter. */
  filtered = 0;
  /** Positions nobody told anything about. Always 0 unless one of the two sides has a defect. */
  unaccounted = 0;
  /** Position after the gateway's newest frame. */
  head = 0;
  #start = -1;
  /* What messages speak for without telling of it was left out by a filter. */
  #filters = false;

  /** Positions since the first subscription. */
  get produced(): number {
    return this.#start < 0 ? 0 : this.position - this.#start;
  }

  /** Forgets everything: another gateway process. */
  restart(): void {
    this.position = 0;
    this.received = 0;
    this.dropped = 0;
    this.filtered = 0;
    this.unaccounted = 0;
    this.head = 0;
    this.#start = -1;
  }

  /**
   * A SNAPSHOT: the log of this subscription begins at `from`. What lies before and was not seen is lost. `filters`: it has
   * a filter.
   */
  subscribed(from: number, head: number, filters: boolean = false): void {
    this.#filters = filters;
    this.head = Math.max(this.head, head);
    if (this.#start < 0) {
      this.#start = from;
      this.position = from;
    } else if (from > this.position) {
      this.dropped += from - this.position;
      this.position = from;
    }
  }

  /** `count` records came that speak for the positions up to `to`; those below `position` were known already. */
  took(from: number, to: number, count: number): void {
    this.#gap(from);
    const span = to - Math.max(from, this.position);
    if (span <= 0) return;
    this.received += count;
    this.#leftOut(span - count);
    this.position = to;
  }

  /** The gateway tells that `count` records between `from` and `to` will not come. */
  lost(from: number, to: number, count: number): void {
    this.#gap(from);
    const span = to - Math.max(from, this.position);
    if (span <= 0) return;
    const fresh = Math.min(count, span);
    this.dropped += fresh;
    this.#leftOut(span - fresh);
    this.position = to;
  }

  #leftOut(count: number): void {
    if (this.#filters) this.filtered += count;
    else this.unaccounted += count;
  }

  #gap(from: number): void {
    if (from <= this.position) return;
    this.unaccounted += from - this.position;
    this.position = from;
  }
}
