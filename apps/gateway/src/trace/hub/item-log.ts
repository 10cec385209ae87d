/** A bounded log of objects with positions that only rise. */
export class ItemLog<T> {
  readonly capacity: number;
  /** Position of the next item. */
  head = 0;
  readonly #items: T[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** The oldest position still kept. */
  get oldest(): number {
    return Math.max(0, this.head - this.capacity);
  }

  /** True when the next `push` overwrites the oldest. */
  get full(): boolean {
    return this.head >= this.capacity;
  }

  push(item: T): void {
    this.#items[this.head++ % this.capacity] = item;
  }

  /** Like `push`, and tells what was overwritten. */
  replaceOldest(item: T): T | undefined {
    const oldest = this.full ? this.at(this.oldest) : undefined;
    this.push(item);
    return oldest;
  }

  /** The item at a position from `oldest` to before `head`. */
  at(position: number): T {
    return this.#items[position % this.capacity]!;
  }
}
