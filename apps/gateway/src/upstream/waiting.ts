import { performance } from 'node:perf_hooks';
import type { Reason } from '../exchange/reason.ts';

/** An exchange that may have to wait for a connection. */
export interface Waiter {
  /** When it began to wait, ms. */
  waitingSince: number;
  /** Ends the exchange with an error, told at the end of the turn. */
  reject(why: Reason): void;
}

/** Exchanges without a connection, in order of arrival. */
export class WaitingLine<T extends Waiter> {
  readonly #line = new Set<T>();

  /** How many wait. */
  get size(): number {
    return this.#line.size;
  }

  /** Puts one at the end. */
  add(waiter: T): void {
    waiter.waitingSince = performance.now();
    this.#line.add(waiter);
  }

  /** Takes the first, null when nobody waits. */
  take(): T | null {
    for (const waiter of this.#line) {
      this.#line.delete(waiter);
      return waiter;
    }
    return null;
  }

  /** Takes one out that no longer waits. */
  delete(waiter: T): void {
    this.#line.delete(waiter);
  }

  /** Rejects all that wait since `before` (ms) or longer. */
  expire(before: number, why: () => Reason): void {
    for (const waiter of this.#line) {
      if (waiter.waitingSince > before) return;
      this.#line.delete(waiter);
      waiter.reject(why());
    }
  }

  /** Rejects everybody. */
  rejectAll(why: Reason): void {
    for (let waiter = this.take(); waiter !== null; waiter = this.take()) waiter.reject(why);
  }
}
