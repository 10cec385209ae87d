/** Runs that are remembered: more than pass while an event waits for the frames before it. A power of two. */
const RUNS = 4096;

/** Where the frames of one log have come to in the merged one, for as long as somebody may still name them. */
export class Positions {
  readonly #from = new Float64Array(RUNS);
  readonly #to = new Float64Array(RUNS);
  #count = 0;

  /** The frames from position `from` on, without a gap until the next call, are in the merged log from `to` on. */
  add(from: number, to: number): void {
    const last = (this.#count - 1) & (RUNS - 1);
    if (this.#count > 0 && to - this.#to[last]! === from - this.#from[last]!) return;
    const at = this.#count++ & (RUNS - 1);
    this.#from[at] = from;
    this.#to[at] = to;
  }

  /**
   * The position in the merged log right behind those frames that were before `position` here; never above `end`, for as long
   * as they have not come.
   */
  translate(position: number, end: number): number {
    let low = Math.max(0, this.#count - RUNS);
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#from[middle & (RUNS - 1)]! < position) low = middle + 1;
      else high = middle;
    }
    const found = low - 1;
    if (found < Math.max(0, this.#count - RUNS))
      return this.#count === 0 ? end : Math.min(end, this.#to[low & (RUNS - 1)]!);
    const at = found & (RUNS - 1);
    return Math.min(end, this.#to[at]! + position - this.#from[at]!);
  }
}
