import { performance } from 'node:perf_hooks';
import type { Reason } from '../exchange/reason.ts';

/** An exchange that may have to wait for a connection. */
export interface Waiter {
  /** When it began to wait, ms. */
  waitingSince: number;
  /** Where it stands: the line's own affair, -1 when in none. */
  place: number;
  /** Ends the exchange with an error, told at the end of the turn. */
  reject(why: Reason): void;
}

/** Slots before the first waiter that are worth moving the rest for. */
const COMPACT_AT = 512;

/**
 * Exchanges without a connection, in order of arrival. An array and not a Set: the tables a Set leaves behind when it is
 * rehashed point to their successors, so that once one has grown old, the garbage collector keeps all later entries alive
 * for a long time.
 */
export class WaitingLine<T extends Waiter> {
  #slots: (T | null)[] = [];
  #first = 0;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts one at the end. */
  add(waiter: T): void {
    waiter.waitingSince = performance.now();
    waiter.place = this.#slots.length;
    this.#slots.push(waiter);
    this.#size++;
  }

  /** Takes the first, null when nobody waits. */
  take(): T | null {
    const waiter = this.#peek();
    if (waiter !== null) this.delete(waiter);
    return waiter;
  }

  /** Takes one out that no longer waits; nothing happens when it does not stand in this line. */
  delete(waiter: T): void {
    const { place } = waiter;
    if (this.#slots[place] !== waiter) return;
    this.#slots[place] = null;
    waiter.place = -1;
    this.#size--;
    if (this.#size === 0) {
      this.#slots = [];
      this.#first = 0;
    }
  }

  /** Rejects all that wait since `before` (ms) or longer. */
  expire(before: number, why: () => Reason): void {
    for (let waiter = this.#peek(); waiter !== null && waiter.waitingSince <= before; waiter = this.#peek()) {
      this.delete(waiter);
      waiter.reject(why());
    }
  }

  /** Rejects everybody. */
  rejectAll(why: Reason): void {
    for (let waiter = this.take(); waiter !== null; waiter = this.take()) waiter.reject(why);
  }

  #peek(): T | null {
    if (this.#size === 0) return null;
    while (this.#slots[this.#first] === null) this.#first++;
    if (this.#first >= COMPACT_AT && this.#first * 2 > this.#slots.length) this.#compact();
    return this.#slots[this.#first]!;
  }

  #compact(): void {
    this.#slots = this.#slots.slice(this.#first);
    this.#first = 0;
    for (const [place, waiter] of this.#slots.entries()) if (waiter !== null) waiter.place = place;
  }
}
