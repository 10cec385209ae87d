import type { Connection } from '../connection.ts';
import { Deferred } from './deferred.ts';
import type { ServerLink } from './server-link.ts';
import type { Accepted } from './server-state.ts';

type Next = IteratorResult<Accepted, undefined>;

/**
 * Requests on their way to the program, in the order in which they came, and the count of those that the program works for.
 *
 * A request waits here until the program asks for one, and until it works for fewer than the client may have streams open.
 * With work that outlives a reset this is what bounds it (rapid reset, CVE-2023-44487): a client that resets and asks again
 * has its new streams open, as the limit allows, but gets no further than this queue before other work is done. What waits
 * are open streams, so there are never more than `maxConcurrentStreams`; one that is reset leaves at once.
 */
export class AcceptQueue {
  /** Requests that wait. */
  length = 0;
  /** Requests that the program works for. */
  inHand = 0;
  /** Requests that were reset while they waited, since the program was given one. */
  resets = 0;
  private readonly core: Connection;
  private readonly handOut: (link: ServerLink) => Accepted;
  private first: ServerLink | null = null;
  private last: ServerLink | null = null;
  /** Calls of `accept` that nothing was there for. */
  private waiters: Deferred<Next>[] = [];
  private hasEnded = false;

  /** `handOut`: makes of a request what the program gets. */
  constructor(core: Connection, handOut: (link: ServerLink) => Accepted) {
    this.core = core;
    this.handOut = handOut;
  }

  /** A request came. */
  push(link: ServerLink): void {
    link.isWaiting = true;
    link.waitsBehind = this.last;
    if (this.last === null) this.first = link;
    else this.last.waitsBefore = link;
    this.last = link;
    this.length++;
    this.serve();
  }

  /** A request that waits is reset: nobody will work for it. */
  remove(link: ServerLink): void {
    const { waitsBehind, waitsBefore } = link;
    if (waitsBehind === null) this.first = waitsBefore;
    else waitsBehind.waitsBefore = waitsBefore;
    if (waitsBefore === null) this.last = waitsBehind;
    else waitsBefore.waitsBehind = waitsBehind;
    link.waitsBehind = null;
    link.waitsBefore = null;
    link.isWaiting = false;
    this.length--;
  }

  /** The oldest request that waits, null when none does. */
  get oldest(): ServerLink | null {
    return this.first;
  }

  /** The program works for one more. */
  begin(): void {
    this.inHand++;
  }

  /** The program is done with one. */
  done(): void {
    this.inHand--;
    this.serve();
  }

  /** The next request, once there is one and room to work for it. */
  accept(): Promise<Next> {
    if (this.waiters.length === 0) {
      const value = this.take();
      if (value !== null) return Promise.resolve({ done: false, value });
    }
    if (this.hasEnded) return Promise.resolve({ done: true, value: undefined });
    const waiter = new Deferred<Next>();
    this.waiters.push(waiter);
    return waiter.promise;
  }

  /** Gives what can be given to those who wait for it. */
  serve(): void {
    while (this.waiters.length !== 0) {
      const value = this.take();
      if (value === null) return;
      this.waiters.shift()?.resolve({ done: false, value });
    }
  }

  private take(): Accepted | null {
    const { first } = this;
    // One at least: a limit of 0 keeps new streams out, not those that were let in before.
    if (first === null || this.inHand >= Math.max(1, this.core.maxRemoteStreams)) return null;
    this.remove(first);
    this.resets = 0;
    return this.handOut(first);
  }

  /** The connection is over, and so are all that waited. */
  end(): void {
    this.hasEnded = true;
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter.resolve({ done: true, value: undefined });
  }
}
