/** Rates from counters that only grow: how much per second, in slots of a second each. */

/** Slots kept. */
export const RATE_SLOTS = 40;
const SLOT_US = 1_000_000;

/** The recent past of one counter. */
export class Rate {
  readonly #slots: number[] = [];
  #slot = -1;
  #last = -1;

  /** The counter stood at `total` at time `t` (microseconds). */
  add(t: number, total: number): void {
    const slot = Math.floor(t / SLOT_US);
    this.#turn(slot);
    // The first sight of a counter says nothing about when it grew; one that went back began anew.
    const grown = this.#last < 0 || total < this.#last ? 0 : total - this.#last;
    this.#last = total;
    this.#slots[this.#slots.length - 1]! += grown;
  }

  /** Amounts of the last whole seconds before `now`, oldest first; always `RATE_SLOTS` of them. */
  history(now: number): number[] {
    this.#turn(Math.floor(now / SLOT_US));
    const whole = this.#slots.slice(0, -1);
    return [...new Array<number>(Math.max(0, RATE_SLOTS - whole.length)).fill(0), ...whole].slice(-RATE_SLOTS);
  }

  /** The amount of the last whole second. */
  current(now: number): number {
    this.#turn(Math.floor(now / SLOT_US));
    return this.#slots.at(-2) ?? 0;
  }

  #turn(slot: number): void {
    if (this.#slot < 0 || slot - this.#slot > RATE_SLOTS) {
      this.#slots.length = 0;
      this.#slots.push(0);
      this.#slot = slot;
      return;
    }
    while (this.#slot < slot) {
      this.#slots.push(0);
      this.#slot++;
    }
    if (this.#slots.length > RATE_SLOTS + 1) this.#slots.splice(0, this.#slots.length - RATE_SLOTS - 1);
  }
}
