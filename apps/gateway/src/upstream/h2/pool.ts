import { performance } from 'node:perf_hooks';
import type { Backend, BackendLeg, BackendLegEvents, RequestMessage } from '../../exchange/legs.ts';
import { type Reason, reason } from '../../exchange/reason.ts';
import type { Trace } from '../../trace/trace.ts';
import { AddressWatch } from '../address-watch.ts';
import type { Dial, DialEvents, Dialing } from '../dial.ts';
import { queueFull, queueTimeout, shuttingDown } from '../failure.ts';
import { type ResolvedUpstreamOptions, timeoutsOf } from '../options.ts';
import { PoolEnd } from '../pool-end.ts';
import { dripping, overdue, overtime } from '../progress.ts';
import type { Target } from '../target.ts';
import { Ticker } from '../ticker.ts';
import { WaitingLine } from '../waiting.ts';
import { H2Connection } from './connection.ts';
import { H2Leg } from './leg.ts';

/**
 * The HTTP/2 connections to one target. Exchanges share one connection until the backend's stream limit is reached or it is
 * going away; then another is opened beside it, one at a time.
 */
export class H2Pool implements Backend {
  readonly url: string;
  readonly target: Target;
  readonly options: ResolvedUpstreamOptions;
  readonly trace: Trace;

  readonly #dial: Dial;
  readonly #connections: H2Connection[] = [];
  readonly #waiting = new WaitingLine<H2Leg>();
  /** Exchanges with a stream, for the timeouts. */
  readonly #active: H2Leg[] = [];
  readonly #ticker: Ticker;
  readonly #addresses: AddressWatch;
  /** The connection that took the last exchange: probably has room for the next. */
  #current: H2Connection | null = null;
  #connecting = 0;
  readonly #end = new PoolEnd();

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

  /** Connections by what they do, exchanges with a stream, and exchanges that wait for one. */
  get counts(): {
    readonly connecting: number;
    readonly total: number;
    readonly active: number;
    readonly waiting: number;
  } {
    return {
      connecting: this.#connecting,
      total: this.#connections.length,
      active: this.#active.length,
      waiting: this.#waiting.size,
    };
  }

  send(request: RequestMessage, events: BackendLegEvents): BackendLeg {
    const leg = new H2Leg(this, request, events);
    if (this.#end.hasBegun) {
      leg.reject(shuttingDown(this.target));
      return leg;
    }
    const connection = this.#waiting.size === 0 ? this.#withRoom() : null;
    if (connection === null) this.#wait(leg);
    else this.#assign(connection, leg);
    return leg;
  }

  close(deadlineMs: number): Promise<void> {
    this.#end.begin();
    this.#addresses.stop();
    for (const connection of [...this.#connections]) if (connection.kind === 'open') connection.shutdown();
    if (this.#waiting.size === 0) for (const connection of [...this.#connections]) connection.shutdown();
    if (this.#connections.length === 0) return Promise.resolve();
    return this.#end.wait(deadlineMs, () => this.#cut());
  }

  /** Dials for a connection. */
  dial(events: DialEvents): Dialing {
    return this.#dial(events);
  }

  /** The leg no longer wants a stream. */
  forget(leg: H2Leg): void {
    this.#waiting.delete(leg);
  }

  /** The leg's exchange is over. */
  onLegDone(leg: H2Leg): void {
    this.#deactivate(leg);
  }

  /** Sends once more, on another connection. */
  resend(leg: H2Leg): void {
    this.#deactivate(leg);
    leg.takeBack();
    this.#waiting.add(leg);
    // Its connection is dead or draining, which makes room and has another dialled.
    this.#dialForWaiting();
  }

  /** A connection has become usable. */
  onOpen(connection: H2Connection): void {
    this.#connecting--;
    if (connection.isShut) {
      const text = `${this.target.label} allows no streams (SETTINGS_MAX_CONCURRENT_STREAMS 0)`;
      this.#waiting.rejectAll(reason('backend_refused_stream', text, { retryable: true, rfc: '9113 5.1.2' }));
    }
    this.onRoom(connection);
    if (this.#end.hasBegun) connection.shutdown();
  }

  /** A connection may have room for a stream. */
  onRoom(connection: H2Connection): void {
    while (this.#waiting.size > 0 && connection.canOpen) this.#assign(connection, this.#waiting.take()!);
    this.#dialForWaiting();
  }

  /** A connection takes no more streams. */
  onDraining(connection: H2Connection): void {
    if (this.#current === connection) this.#current = null;
    this.#dialForWaiting();
  }

  /** A connection did not come about. With no other usable, all who wait share that fate. */
  onDialFailed(connection: H2Connection, failure: Reason): void {
    this.#connecting--;
    this.#remove(connection);
    if (this.#connections.some(other => other.kind === 'open')) this.#waiting.take()?.reject(failure);
    else this.#waiting.rejectAll(failure);
    this.#dialForWaiting();
  }

  /** A connection is gone; `connecting`: before it was one. */
  onConnectionGone(connection: H2Connection, connecting: boolean): void {
    if (connecting) this.#connecting--;
    this.#remove(connection);
    this.#dialForWaiting();
  }

  #assign(connection: H2Connection, leg: H2Leg): void {
    this.#current = connection;
    leg.index = this.#active.length;
    this.#active.push(leg);
    this.#ticker.start();
    connection.assign(leg);
  }

  #deactivate(leg: H2Leg): void {
    const { index } = leg;
    if (index < 0) return;
    leg.index = -1;
    const last = this.#active.pop()!;
    if (last === leg) return;
    this.#active[index] = last;
    last.index = index;
  }

  #withRoom(): H2Connection | null {
    if (this.#current?.canOpen === true) return this.#current;
    for (const connection of this.#connections) if (connection.canOpen) return connection;
    return null;
  }

  #wait(leg: H2Leg): void {
    const { maxConnections, maxQueued } = this.options;
    // While a connection is being made, those who wait for it are not a queue yet.
    if (this.#connections.length >= maxConnections && this.#connecting === 0 && this.#waiting.size >= maxQueued) {
      leg.reject(queueFull(this.target, maxConnections, maxQueued));
      return;
    }
    this.#waiting.add(leg);
    this.#dialForWaiting();
  }

  #dialForWaiting(): void {
    if (this.#waiting.size === 0) return;
    this.#ticker.start();
    this.#dialOneMore();
    this.#explainWait();
  }

  #dialOneMore(): void {
    if (this.#connecting > 0 || this.#connections.length >= this.options.maxConnections) return;
    // Another connection to a backend that allows no streams, or has too much to do, would not help.
    for (const connection of this.#connections) if (connection.isShut || connection.isRefusing) return;
    const connection = new H2Connection(this);
    this.#connections.push(connection);
    this.#connecting++;
    connection.dial();
  }

  /** Tells the trace what those who wait are waiting for. */
  #explainWait(): void {
    let draining: H2Connection | null = null;
    for (const connection of this.#connections) {
      if (connection.kind === 'open') {
        this.trace.backendWaits(this.url, 'max-concurrent', connection.id);
        return;
      }
      if (connection.kind === 'draining') draining = connection;
    }
    if (draining !== null) this.trace.backendWaits(this.url, 'goaway-drain', draining.id);
    else this.trace.backendWaits(this.url, 'connecting', 0);
  }

  #remove(connection: H2Connection): void {
    if (this.#current === connection) this.#current = null;
    const index = this.#connections.indexOf(connection);
    if (index >= 0) this.#connections.splice(index, 1);
    if (this.#connections.length === 0) this.#end.gone();
  }

  #tick(): boolean {
    const now = performance.now();
    const { queueTimeoutMs } = this.options;
    if (queueTimeoutMs > 0) {
      this.#waiting.expire(now - queueTimeoutMs, () => queueTimeout(this.target, queueTimeoutMs));
    }
    for (let index = this.#active.length - 1; index >= 0; index--) {
      const leg = this.#active[index];
      if (leg !== undefined) this.#checkTimeout(leg, now);
    }
    return this.#waiting.size > 0 || this.#active.length > 0;
  }

  #checkTimeout(leg: H2Leg, now: number): void {
    const { stream } = leg;
    const tooLong = leg.isTunnel ? null : overtime(this.target, this.options, leg.startedAt, now);
    if (tooLong !== null) {
      leg.fail(tooLong);
      return;
    }
    // A client that holds octets back is slow by itself; its side has its own limits.
    if (stream === null) return;
    if (leg.unconsumed > 0) {
      leg.pace = null;
      return;
    }
    const { options, target } = this;
    const { bufferedBytes: buffered } = stream;
    const taken = leg.takenBytes;
    if (taken !== leg.takenBefore) {
      leg.takenBefore = taken;
      leg.progressAt = now;
    }
    const requested = leg.endSent || leg.isTunnel;
    const tunnel = leg.isTunnel && leg.responded;
    const why =
      overdue(target, options, now - leg.progressAt, buffered, requested, leg.responded, tunnel) ??
      (leg.isTunnel ? null : dripping(target, options, leg, buffered, taken, now));
    if (why !== null) leg.fail(why);
  }

  /** The deadline of `close` has come. */
  #cut(): void {
    this.#waiting.rejectAll(shuttingDown(this.target));
    for (const leg of [...this.#active]) leg.fail(shuttingDown(this.target));
    for (const connection of [...this.#connections]) connection.destroy();
  }
}
