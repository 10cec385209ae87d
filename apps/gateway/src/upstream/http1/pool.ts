import { performance } from 'node:perf_hooks';
import type { Backend, BackendLeg, BackendLegEvents, RequestMessage } from '../../exchange/legs.ts';
import type { Reason } from '../../exchange/reason.ts';
import type { Trace } from '../../trace/trace.ts';
import { AddressWatch } from '../address-watch.ts';
import type { Dial, DialEvents, Dialing } from '../dial.ts';
import { queueFull, queueTimeout, shuttingDown } from '../failure.ts';
import { type ResolvedUpstreamOptions, timeoutsOf } from '../options.ts';
import { PoolEnd } from '../pool-end.ts';
import type { Target } from '../target.ts';
import { Ticker } from '../ticker.ts';
import { WaitingLine } from '../waiting.ts';
import { Http1Connection } from './connection.ts';
import { Http1Leg } from './leg.ts';

/**
 * The HTTP/1.1 connections to one target. Idle ones are used last in, first out, so that the surplus ages and closes. An
 * exchange that finds none waits for the first that becomes free, be it new or returning.
 */
export class Http1Pool implements Backend {
  readonly url: string;
  readonly target: Target;
  readonly options: ResolvedUpstreamOptions;
  readonly trace: Trace;

  readonly #dial: Dial;
  readonly #connections: Http1Connection[] = [];
  readonly #idle: Http1Connection[] = [];
  readonly #waiting = new WaitingLine<Http1Leg>();
  /** Exchanges whose connection had died idle: they get a new one, not another old one. */
  readonly #waitingForFresh = new WaitingLine<Http1Leg>();
  #connecting = 0;
  readonly #end = new PoolEnd();
  readonly #ticker: Ticker;
  readonly #addresses: AddressWatch;

  constructor(target: Target, options: ResolvedUpstreamOptions, trace: Trace, dial: Dial) {
    this.url = target.url;
    this.target = target;
    this.options = options;
    this.trace = trace;
    this.#dial = dial;
    this.#addresses = new AddressWatch(target, options.resolveIntervalMs, options.resolve, addresses => {
      for (const connection of [...this.#connections]) connection.leave(addresses);
    });
    this.#ticker = new Ticker(timeoutsOf(options), () => this.#tick());
  }

  /** No new exchanges are taken and no connection is kept. */
  get isClosing(): boolean {
    return this.#end.hasBegun;
  }

  /** Connections by what they do, and exchanges that wait for one. */
  get counts(): {
    readonly connecting: number;
    readonly idle: number;
    readonly total: number;
    readonly waiting: number;
  } {
    return {
      connecting: this.#connecting,
      idle: this.#idle.length,
      total: this.#connections.length,
      waiting: this.#waiting.size + this.#waitingForFresh.size,
    };
  }

  send(request: RequestMessage, events: BackendLegEvents): BackendLeg {
    const leg = new Http1Leg(this, request, events);
    if (this.#end.hasBegun) {
      leg.reject(shuttingDown(this.target));
      return leg;
    }
    const connection = this.#takeIdle();
    if (connection !== null) connection.assign(leg);
    else this.#wait(leg);
    return leg;
  }

  close(deadlineMs: number): Promise<void> {
    this.#end.begin();
    this.#addresses.stop();
    for (const connection of [...this.#idle]) connection.close(null);
    if (this.#connections.length === 0) return Promise.resolve();
    return this.#end.wait(deadlineMs, () => this.#cut());
  }

  /** Dials for a connection. */
  dial(events: DialEvents): Dialing {
    return this.#dial(events);
  }

  /** The leg no longer wants a connection. */
  forget(leg: Http1Leg): void {
    this.#waiting.delete(leg);
    this.#waitingForFresh.delete(leg);
  }

  /** Sends once more, on a new connection. */
  resend(leg: Http1Leg): void {
    leg.takeBack();
    this.#waitingForFresh.add(leg);
    this.#dialForWaiting();
  }

  /** A connection can take an exchange. `fresh`: it is new. */
  onUsable(connection: Http1Connection, fresh: boolean): void {
    if (fresh) this.#connecting--;
    const leg = (fresh ? this.#waitingForFresh.take() : null) ?? this.#waiting.take();
    if (leg !== null) {
      connection.assign(leg);
    } else if (this.#end.hasBegun) {
      connection.close(null);
    } else if (
      this.#waitingForFresh.size > this.#connecting &&
      this.#connections.length >= this.options.maxConnections
    ) {
      // Room for the new connection that somebody needs.
      connection.close(null);
    } else {
      this.#idle.push(connection);
    }
  }

  /** A connection did not come about. With none established, all who wait share that fate. */
  onDialFailed(connection: Http1Connection, failure: Reason): void {
    this.#connecting--;
    this.#remove(connection);
    const established = this.#connections.length > this.#connecting;
    (this.#waitingForFresh.take() ?? this.#waiting.take())?.reject(failure);
    if (!established) this.#rejectWaiting(failure);
    this.#dialForWaiting();
  }

  /** A connection is gone; `connecting`: before it was one. */
  onClosed(connection: Http1Connection, connecting: boolean): void {
    if (connecting) this.#connecting--;
    const position = this.#idle.lastIndexOf(connection);
    if (position >= 0) this.#idle.splice(position, 1);
    this.#remove(connection);
    this.#dialForWaiting();
  }

  #takeIdle(): Http1Connection | null {
    const connection = this.#idle.pop() ?? null;
    if (connection === null || connection.idleUntil > performance.now()) return connection;
    // The youngest is too old, so all are: the backend may be closing them this very moment.
    connection.close(null);
    while (this.#idle.length > 0) this.#idle[this.#idle.length - 1]!.close(null);
    return null;
  }

  #wait(leg: Http1Leg): void {
    const { maxConnections, maxQueued } = this.options;
    if (this.#connections.length >= maxConnections && this.#waiting.size >= maxQueued + this.#connecting) {
      leg.reject(queueFull(this.target, maxConnections, maxQueued));
      return;
    }
    this.#waiting.add(leg);
    this.#dialForWaiting();
  }

  #dialForWaiting(): void {
    while (
      this.#connecting < this.#waiting.size + this.#waitingForFresh.size &&
      this.#connections.length < this.options.maxConnections
    ) {
      const connection = new Http1Connection(this);
      connection.index = this.#connections.length;
      this.#connections.push(connection);
      this.#connecting++;
      connection.open();
    }
    this.#ticker.start();
    const waiting = this.#waiting.size + this.#waitingForFresh.size;
    if (waiting === 0) return;
    this.trace.backendWaits(this.url, waiting > this.#connecting ? 'max-concurrent' : 'connecting', 0);
  }

  #remove(connection: Http1Connection): void {
    const { index } = connection;
    if (index < 0) return;
    connection.index = -1;
    const last = this.#connections.pop()!;
    if (last !== connection) {
      this.#connections[index] = last;
      last.index = index;
    }
    if (this.#connections.length === 0) this.#end.gone();
  }

  #tick(): boolean {
    const now = performance.now();
    for (let index = this.#connections.length - 1; index >= 0; index--) this.#connections[index]?.checkTimeouts(now);
    const { queueTimeoutMs } = this.options;
    if (queueTimeoutMs > 0) {
      const why = (): Reason => queueTimeout(this.target, queueTimeoutMs);
      this.#waitingForFresh.expire(now - queueTimeoutMs, why);
      this.#waiting.expire(now - queueTimeoutMs, why);
    }
    return this.#connections.length > 0;
  }

  #rejectWaiting(why: Reason): void {
    this.#waitingForFresh.rejectAll(why);
    this.#waiting.rejectAll(why);
  }

  /** The deadline of `close` has come. */
  #cut(): void {
    this.#rejectWaiting(shuttingDown(this.target));
    for (const connection of [...this.#connections]) connection.fail(shuttingDown(this.target));
  }
}
