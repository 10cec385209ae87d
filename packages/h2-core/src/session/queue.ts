import { Deferred } from './deferred.ts';

/** Read positions at which the read part of the buffer is given up. */
const COMPACT_AT = 64;

/** A first-in first-out queue that is filled by calls and read by promises. Ends once, in order or with an error. */
export class AsyncQueue<T> {
  protected items: T[] = [];
  private at = 0;
  private waiters: Deferred<IteratorResult<T, undefined>>[] | null = null;
  private ended = false;
  private error: unknown = null;

  /** Items waiting to be read. */
  get length(): number {
    return this.items.length - this.at;
  }

  /** Somebody waits for an item. */
  get isAwaited(): boolean {
    return this.waiters !== null && this.waiters.length !== 0;
  }

  /** Nothing will be added any more. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /** Adds an item, unless the queue has ended. True: somebody waited for it and has it. */
  push(item: T): boolean {
    if (this.ended) return false;
    const waiter = this.waiters?.shift();
    if (waiter === undefined) {
      this.items.push(item);
      return false;
    }
    waiter.resolve({ done: false, value: item });
    return true;
  }

  /** Ends the queue behind what it holds. With an error, every read past the end fails with it. */
  end(error: unknown = null): void {
    if (this.ended) return;
    this.ended = true;
    const { waiters } = this;
    this.waiters = null;
    this.error = error;
    for (const waiter of waiters ?? []) {
      if (error === null) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
  }

  /** Gives up everything unread: every read fails with `error` from now on, or with what the queue has ended with. */
  fail(error: unknown): void {
    this.items = [];
    this.at = 0;
    if (this.ended) this.error ??= error;
    else this.end(error);
  }

  /** The oldest item without waiting; undefined when there is none. */
  take(): T | undefined {
    if (this.at === this.items.length) return undefined;
    const item = this.items[this.at] as T;
    this.items[this.at++] = undefined as T;
    if (this.at === this.items.length) {
      this.items.length = 0;
      this.at = 0;
    } else if (this.at >= COMPACT_AT && this.at * 2 >= this.items.length) {
      this.items.splice(0, this.at);
      this.at = 0;
    }
    return item;
  }

  /** The oldest item, once there is one. */
  next(): Promise<IteratorResult<T, undefined>> {
    const value = this.take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.ended && this.error === null) return Promise.resolve({ done: true, value: undefined });
    const waiter = new Deferred<IteratorResult<T, undefined>>();
    if (this.error !== null) {
      waiter.reject(this.error);
      return waiter.promise;
    }
    this.waiters ??= [];
    this.waiters.push(waiter);
    return waiter.promise;
  }
}
