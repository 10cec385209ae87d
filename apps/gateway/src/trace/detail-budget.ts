/**
 * How much is recorded while nobody looks. Frames, rows and rare events always are. Field sections, their strings and
 * stream events cost more than all of these, so without a reader they are recorded up to a rate: at the rate of a person
 * trying things out always, under load for a part of the time. As soon as somebody looks, everything is.
 */

/**
 * Octets of entries per second recorded without a reader: some 800 requests, far beyond a person who tries things out. The
 * default ring then holds the details of the last two minutes at least.
 */
const IDLE_BYTES_PER_SECOND: number = 512 * 1024;
/** Seconds of that rate that may come in one burst. */
const BURST_SECONDS = 4;

/** A token bucket over the octets written to the entry ring. */
export class DetailBudget {
  /** Whether details are recorded now. */
  detailed = true;
  private readonly rate: number;
  private readonly most: number;
  private left: number;
  private at = 0;
  private written = 0;

  /** `idleBytesPerSecond`: 0 records no details without a reader, `Infinity` always all. Default 512 KiB. */
  constructor(idleBytesPerSecond: number = IDLE_BYTES_PER_SECOND) {
    this.rate = idleBytesPerSecond;
    this.most = idleBytesPerSecond * BURST_SECONDS;
    this.left = this.most;
    this.detailed = this.most > 0;
  }

  /** Call now and then: `t` in microseconds, `written` octets so far, `awake` whether somebody looks. */
  update(t: number, written: number, awake: boolean): void {
    const refill = ((t - this.at) / 1e6) * this.rate;
    const spent = written - this.written;
    this.at = t;
    this.written = written;
    if (awake || this.rate === Number.POSITIVE_INFINITY) {
      this.left = this.most;
      this.detailed = true;
      return;
    }
    this.left = Math.min(this.most, this.left + refill - spent);
    // Not back at once, or single sections would be all that is recorded.
    this.detailed = this.detailed ? this.left > 0 : this.left > this.most / 4;
  }
}
