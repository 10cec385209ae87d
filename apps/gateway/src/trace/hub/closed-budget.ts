/**
 * How many of the streams that close are told of. A viewer is a person, who can look through some thousand rows a second at
 * best, and each costs several microseconds to tell; a benchmark closes fifty thousand. Frames, field sections and events
 * of all of them are in their logs.
 */

/** Closed streams told per second, in the long run. */
const PER_SECOND = 2000;
/** In one burst: loading the largest page is less. */
const BURST = 4096;

/** A token bucket over closed streams. */
export class ClosedBudget {
  private left = BURST;
  private at = 0;

  /** Call now and then; `now` in microseconds. */
  update(now: number): void {
    this.left = Math.min(BURST, this.left + Math.max(0, ((now - this.at) / 1e6) * PER_SECOND));
    this.at = now;
  }

  /** Room for one more; it is taken. */
  take(): boolean {
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}
