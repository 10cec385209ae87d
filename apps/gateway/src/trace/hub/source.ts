/** What the logs of sections, events and octets have in common: positions, gaps, and batches made once for all viewers. */
import type { FrameMatcher } from '@glassway/inspector-protocol';
import type { ItemBatch, ItemCursor, ItemLogName, ItemSource } from './viewer.ts';

/** Octets after which a message is complete. */
const BATCH_BYTES: number = 32 * 1024;

/** A log of so many items; what they are, subclasses know. */
export abstract class Source implements ItemSource {
  abstract readonly name: ItemLogName;
  readonly creditShare: number = 1;
  readonly capacity: number;
  /** Position of the next item. */
  head = 0;
  // Per place: how many were lost instead of an item, 0: it is one.
  readonly #lost: Float64Array;
  // Batches of this round: several viewers want the same.
  readonly #cache = new Map<string, ItemBatch>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#lost = new Float64Array(capacity);
  }

  /** The oldest position still kept. */
  get oldest(): number {
    return Math.max(0, this.head - this.capacity);
  }

  /** True when the next item overwrites the oldest. */
  get full(): boolean {
    return this.head >= this.capacity;
  }

  lost(position: number): number {
    return this.#lost[position % this.capacity]!;
  }

  /** Stands in the log for that many items that were lost. */
  gap(lost: number): void {
    this.#lost[this.head++ % this.capacity] = lost;
  }

  /** The place of a new item. */
  protected place(): number {
    const place = this.head++ % this.capacity;
    this.#lost[place] = 0;
    return place;
  }

  matches(position: number, matcher: FrameMatcher | null): boolean {
    return this.lost(position) === 0 && (matcher === null || this.chosen(position % this.capacity, matcher));
  }

  /** Forgets the batches of the last round. */
  newRound(): void {
    this.#cache.clear();
  }

  batch(cursor: ItemCursor): ItemBatch {
    const key = `${cursor.position}${cursor.matcher?.key ?? ''}`;
    let batch = this.#cache.get(key);
    if (batch === undefined) {
      batch = this.#make(cursor.position, cursor.matcher);
      this.#cache.set(key, batch);
    }
    return batch;
  }

  #make(from: number, matcher: FrameMatcher | null): ItemBatch {
    let count = 0;
    let at = from;
    for (let bytes = 0; at < this.head && bytes < BATCH_BYTES; at++) {
      if (this.lost(at) > 0) break;
      if (!this.matches(at, matcher)) continue;
      bytes = this.add(at % this.capacity);
      count++;
    }
    return { bytes: count === 0 ? null : this.finish(from, at), to: at };
  }

  protected abstract chosen(place: number, matcher: FrameMatcher): boolean;
  /** Adds an item to the message that is being made; octets it has now. */
  protected abstract add(place: number): number;
  protected abstract finish(from: number, to: number): Uint8Array;
}
