/** Numbers from a seed (mulberry32), so that a run can be had again. */
export class Random {
  constructor(seed) {
    this.state = seed | 0;
  }

  /** An integer from 0 to `n` - 1; 0 for n = 0. */
  below(n) {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return n === 0 ? 0 : ((t ^ (t >>> 14)) >>> 0) % n;
  }

  /** One of a list. */
  one(values) {
    return values[this.below(values.length)];
  }

  /** True in `percent` of 100 cases. */
  chance(percent) {
    return this.below(100) < percent;
  }

  /** A small number mostly, now and then a large one, below `n`. */
  skewed(n) {
    return this.below(1 + this.below(n));
  }
}
