/** Runs that are remembered: more than pass while an event waits for the frames before it. A power of two. */
const RUNS = 4096;

/** Where the frames of one log have come to in the merged one, for as long as somebody may still name them. */
export class Positions {
  readonly #from = new Float64Array(RUNS);
  readonly #to = new Float64Array(RUNS);
  // The position after the last frame of each run here.
  readonly #until = new Float64Array(RUNS);
  #count = 0;

  /** `count` frames from position `from` on are in the merged log from `to` on. */
  add(from: number, to: number, count: number): void {
    const last = (this.#count - 1) & (RUNS - 1);
    if (this.#count > 0 && from === this.#until[last]! && to - this.#to[last]! === from - this.#from[last]!) {
      this.#until[last] = from + count;
      return;
    }
    const at = this.#count++ & (RUNS - 1);
    this.#from[at] = from;
    this.#to[at] = to;
    this.#until[at] = from + count;
  }

  /**
   * The position in the merged log right behind those frames that were before `position` here; never above `end`, for as long
   * as they have not come.
   */
  translate(position: number, end: number): number {
    const found = this.#before(position);
    const low = found + 1;
    if (found < Math.max(0, this.#count - RUNS))
      return this.#count === 0 ? end : Math.min(end, this.#to[low & (RUNS - 1)]!);
    const at = found & (RUNS - 1);
    return Math.min(end, this.#to[at]! + position - this.#from[at]!);
  }

  /** Where the frame at this position is in the merged log; -1: it never came there, or that is too long ago. */
  placeOf(position: number): number {
    const found = this.#before(position + 1);
    if (found < Math.max(0, this.#count - RUNS)) return -1;
    const at = found & (RUNS - 1);
    return position < this.#until[at]! ? this.#to[at]! + position - this.#from[at]! : -1;
  }

  /** The last run that begins before this position. */
  #before(position: number): number {
    let low = Math.max(0, this.#count - RUNS);
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#from[middle & (RUNS - 1)]! < position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
